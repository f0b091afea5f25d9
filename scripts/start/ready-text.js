/**
 * What `npm start` prints once a completion has been served. A key that came from the environment is not printed.
 * @param {object} facts
 * @param {string} facts.origin
 * @param {string} facts.model
 * @param {{ apiKey: string, adminKey: string }} facts.secrets
 * @param {NodeJS.ProcessEnv} facts.env
 * @param {string} facts.logs where the programs' logs are
 * @returns {string}
 */
export function readyText({ origin, model, secrets, env, logs }) {
  const apiKey = env.HEARTH_API_KEY ? "$HEARTH_API_KEY" : secrets.apiKey;
  const apiKeyInCode = env.HEARTH_API_KEY ? "process.env.HEARTH_API_KEY" : JSON.stringify(secrets.apiKey);
  return `
Hearth is ready.

  Base URL   ${origin}/v1
  Model      ${model}
  API key    ${env.HEARTH_API_KEY ? "from HEARTH_API_KEY" : secrets.apiKey}
  Admin key  ${env.HEARTH_ADMIN_KEY ? "from HEARTH_ADMIN_KEY" : secrets.adminKey}
  Logs       ${logs}

Try it:

  curl -N ${origin}/v1/chat/completions \\
    -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" \\
    -d '{"model":"${model}","stream":true,"messages":[{"role":"user","content":"What is Hearth?"}]}'

Or with the official SDK (npm install openai):

  import OpenAI from "openai";
  const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: ${apiKeyInCode} });
  const stream = await client.chat.completions.create({
    model: "${model}", stream: true, messages: [{ role: "user", content: "What is Hearth?" }],
  });
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");

Press Ctrl-C to stop.
`;
}
