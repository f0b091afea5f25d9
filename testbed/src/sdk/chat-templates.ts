import { existsSync } from "node:fs";
import { join } from "node:path";
import { referenceDir } from "./schema/openai-schema.js";

/** A guard as Qwen 3.5's: a system message is the first one or an error. */
export const GUARDED = `{%- if tools %}<|im_start|>tools
{{ tools | tojson }}<|im_end|>{%- endif %}
{%- for message in messages %}
{%- if message.role == 'system' and not loop.first %}{{ raise_exception('System message must come first.') }}{%- endif %}
<|im_start|>{{ message.role }}
{{ message.content }}{%- if message.tool_calls %}{{ message.tool_calls | tojson }}{%- endif %}<|im_end|>
{%- endfor %}
{%- if add_generation_prompt %}
<|im_start|>assistant
{% endif %}`;

const published = (name: string): string => join(referenceDir(), "chat-templates/llama.cpp", name);

/** Published templates as files, which a plain clone does not have. Mistral's refuses what does not take turns, too. */
export const MISTRAL_NEMO: string = published("mistralai-Mistral-Nemo-Instruct-2407.jinja");
export const QWEN_3: string = published("Qwen-Qwen3-0.6B.jinja");

/** What agents are tried with; a file that is not there is left out. */
export const TEMPLATES: readonly { readonly name: string; readonly template: string | undefined }[] = [
  { name: "with a guard", template: undefined },
  { name: "of Mistral Nemo", template: MISTRAL_NEMO },
  { name: "of Qwen 3", template: QWEN_3 },
];

/** Says visibly what is not tested here. */
export function noticeWithoutTemplates(): void {
  if (existsSync(MISTRAL_NEMO)) return;
  console.warn("NOTICE: no reference data; tests with published chat templates are skipped.");
}
