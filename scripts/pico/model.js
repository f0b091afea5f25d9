const D = 128,
  L = 5,
  H = 4,
  FF = 352,
  CTX = 2048;
export const TEMPLATE = `{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n' }}{%- endif %}{{- '# Tools\\n<tools>' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{{- '\\n</tools>\\nCall a tool as <tool_call>\\n{"name": <name>, "arguments": <args>}\\n</tool_call><|im_end|>\\n' }}{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}{%- for m in messages %}{%- if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- elif m.role == 'assistant' %}{{- '<|im_start|>assistant' }}{%- if m.content %}{{- '\\n' + m.content }}{%- endif %}{%- for tc in m.tool_calls %}{%- if tc.function %}{%- set tc = tc.function %}{%- endif %}{{- '\\n<tool_call>\\n{"name": "' + tc.name + '", "arguments": ' }}{{- tc.arguments if tc.arguments is string else tc.arguments | tojson }}{{- '}\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- elif m.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n' + m.content + '\\n</tool_response><|im_end|>\\n' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;
export function meta(T, scores) {
  const m = [
    ["general.architecture", "str", "llama"],
    ["general.name", "str", "pico"],
    ["general.license", "str", "mit"],
    ["general.file_type", "u32", 1],
  ];
  for (const [k, v] of Object.entries({
    context_length: CTX,
    embedding_length: D,
    block_count: L,
    feed_forward_length: FF,
    "attention.head_count": H,
    "attention.head_count_kv": H,
    "rope.dimension_count": D / H,
    vocab_size: T.length,
  }))
    m.push([`llama.${k}`, "u32", v]);
  m.push(
    ["llama.attention.layer_norm_rms_epsilon", "f32", 1e-5],
    ["llama.rope.freq_base", "f32", 10000],
    ["tokenizer.ggml.model", "str", "llama"],
    ["tokenizer.ggml.pre", "str", "default"],
    ["tokenizer.ggml.tokens", "str", T.map((t) => t[0])],
    ["tokenizer.ggml.scores", "f32", scores],
    ["tokenizer.ggml.token_type", "i32", T.map((t) => t[1])],
    ["tokenizer.ggml.bos_token_id", "u32", 1],
    ["tokenizer.ggml.eos_token_id", "u32", 4],
    ["tokenizer.ggml.unknown_token_id", "u32", 0],
    ["tokenizer.ggml.add_bos_token", "bool", false],
    ["tokenizer.ggml.add_eos_token", "bool", false],
    ["tokenizer.ggml.add_space_prefix", "bool", false],
    ["tokenizer.chat_template", "str", TEMPLATE],
  );
  return m;
}
export const shapes = (V) => {
  const s = [
    ["token_embd.weight", [D, V]],
    ["output_norm.weight", [D]],
  ];
  for (let l = 0; l < L; l++)
    for (const [n, d] of [
      ["attn_norm", [D]],
      ["attn_q", [D, D]],
      ["attn_k", [D, D]],
      ["attn_v", [D, D]],
      ["attn_output", [D, D]],
      ["ffn_norm", [D]],
      ["ffn_gate", [D, FF]],
      ["ffn_up", [D, FF]],
      ["ffn_down", [FF, D]],
    ])
      s.push([`blk.${l}.${n}.weight`, d]);
  return s;
};
