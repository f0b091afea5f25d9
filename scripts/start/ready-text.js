import { CONSUMER, CREDIT_MICRO_USD, OWNER } from "./demo-money.js";

/**
 * What `npm start` prints once a completion has been served. A key that came from the environment is not printed.
 * @param {object} facts
 * @param {string} facts.origin
 * @param {string} facts.model
 * @param {{ apiKey: string, adminKey: string }} facts.secrets
 * @param {NodeJS.ProcessEnv} facts.env
 * @param {string} facts.logs where the programs' logs are
 * @param {{ availableMicroUsd: number, isEnough: boolean, agentDataDir: string } | undefined} facts.money what the demo has
 *   given to spend, and whether a request can still be paid; none with a configuration of the user's own
 * @returns {string}
 */
export function readyText({ origin, model, secrets, env, logs, money }) {
  const apiKey = env.HEARTH_API_KEY ? "$HEARTH_API_KEY" : secrets.apiKey;
  const apiKeyInCode = env.HEARTH_API_KEY ? "process.env.HEARTH_API_KEY" : JSON.stringify(secrets.apiKey);
  return `
Hearth is ready.

  Base URL   ${origin}/v1
  Web page   ${origin}/dashboard/, where either key signs in
  Model      ${model}
  API key    ${env.HEARTH_API_KEY ? "from HEARTH_API_KEY" : secrets.apiKey}
  Admin key  ${env.HEARTH_ADMIN_KEY ? "from HEARTH_ADMIN_KEY" : secrets.adminKey}
  Logs       ${logs}${money ? `\n  Balance    ${dollars(money.availableMicroUsd)} of the demo's ${dollars(CREDIT_MICRO_USD)}` : ""}
${money?.isEnough === false ? moreCredit({ origin, adminKey: env.HEARTH_ADMIN_KEY ? "$HEARTH_ADMIN_KEY" : secrets.adminKey }) : ""}
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
${money ? moneyText({ origin, apiKey, money }) : ""}
Press Ctrl-C to stop.
`;
}

function moreCredit({ origin, adminKey }) {
  return `
The demo's credit is used up: requests are refused with 402. Give it more:

  curl ${origin}/admin/accounts/${CONSUMER}/grants \\
    -H "Authorization: Bearer ${adminKey}" -H "Content-Type: application/json" \\
    -d '{"amount_micro_usd":${CREDIT_MICRO_USD},"reason":"demo credit"}'
`;
}

/** Each answer says what it has cost; where the money went is seen from both ends. */
function moneyText({ origin, apiKey, money }) {
  return `
See what it has cost, and what the machine (of the account ${OWNER}) has earned, as it is told every half minute:

  curl ${origin}/v1/me/balance -H "Authorization: Bearer ${apiKey}"
  HEARTH_AGENT_DATA_DIR=${money.agentDataDir} npm run -s agent -- status --name default
`;
}

const dollars = (microUsd) => `$${(microUsd / 1_000_000).toFixed(6).replace(/0{1,4}$/, "")}`;
