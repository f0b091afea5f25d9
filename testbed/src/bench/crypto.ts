import {
  createSealingContext,
  generateKeyPair,
  openRequest,
  type Primitives,
  preparePublicKey,
  sealRequest,
} from "@hearth/e2e";
import { noblePrimitives } from "@hearth/e2e/noble";
import { nodePrimitives } from "@hearth/e2e/node";
import { figure, markdownTable } from "./table.js";

const BINDING = { requestId: "req_bench", attemptId: "att_bench" };
const REQUEST_BYTES = 16 * 1024;
const CHUNK_BYTES = 200;
const CHUNKS = 256;
/** CPU time that each figure is taken over, µs. */
const MEASURED_MICROS = 400_000;
const WARM_UP_MICROS = 150_000;

/** One figure of the table. `prepare` is not measured; `run` does the operation `times` times. */
interface Operation {
  readonly name: string;
  prepare(primitives: Primitives): { readonly times: number; run(): void };
}

const OPERATIONS: readonly Operation[] = [
  {
    name: "X25519 key pair",
    prepare: (primitives) => ({ times: 1, run: () => void primitives.generatePrivateKey() }),
  },
  {
    name: "X25519 shared secret",
    prepare(primitives) {
      const own = primitives.generatePrivateKey();
      const peer = primitives.preparePublicKey(primitives.generatePrivateKey().publicKey);
      return { times: 1, run: () => void own.agree(peer) };
    },
  },
  {
    name: "seal a request of 16 KiB (fresh key, key schedule, one chunk)",
    prepare(primitives) {
      const publicKey = preparePublicKey(generateKeyPair(primitives).publicKey, primitives);
      const body = new Uint8Array(REQUEST_BYTES);
      return {
        times: 1,
        run: () => void sealRequest({ publicKey, binding: BINDING, primitives }).seal(body, true),
      };
    },
  },
  {
    name: "seal a request of 16 KiB under a context that others share (two exports, one chunk)",
    prepare(primitives) {
      const context = createSealingContext(generateKeyPair(primitives).publicKey, { primitives });
      const body = new Uint8Array(REQUEST_BYTES);
      let attempts = 0;
      const run = (): void => {
        attempts += 1;
        context.attempt({ ...BINDING, attemptId: `att_${attempts}` }).seal(body, true);
      };
      return { times: 1, run };
    },
  },
  {
    name: "open a response chunk of 200 bytes",
    prepare(primitives) {
      const { opener, chunks } = sealedResponse(primitives);
      return {
        times: CHUNKS,
        run: () => {
          for (const [seq, chunk] of chunks.entries()) opener.open(chunk, seq, seq === CHUNKS - 1);
        },
      };
    },
  },
];

/** Prints what the encryption costs, µs of CPU, in both implementations of its primitives. */
export function benchCrypto(print: (text: string) => void): void {
  const rows = OPERATIONS.map((operation) => {
    const node = cpuOf(operation, nodePrimitives);
    const noble = cpuOf(operation, noblePrimitives);
    return [operation.name, figure(node, 1), figure(noble, 1), figure(noble / node, 1)];
  });
  print(markdownTable(["CPU µs", "node:crypto", "noble", "noble ÷ node"], rows));
}

/** µs of CPU for one operation. */
function cpuOf(operation: Operation, primitives: Primitives): number {
  spend(operation, primitives, WARM_UP_MICROS);
  return spend(operation, primitives, MEASURED_MICROS);
}

function spend(operation: Operation, primitives: Primitives, atLeastMicros: number): number {
  let micros = 0;
  let times = 0;
  while (micros < atLeastMicros) {
    const prepared = operation.prepare(primitives);
    // A batch of one would measure the clock.
    const batch = Math.max(1, Math.ceil(16 / prepared.times));
    const before = process.cpuUsage();
    if (prepared.times > 1) prepared.run();
    else for (let index = 0; index < batch; index += 1) prepared.run();
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    times += prepared.times > 1 ? prepared.times : batch;
  }
  return micros / times;
}

function sealedResponse(primitives: Primitives): {
  opener: ReturnType<typeof sealRequest>["response"];
  chunks: Uint8Array[];
} {
  const keyPair = generateKeyPair(primitives);
  const request = sealRequest({ publicKey: keyPair.publicKey, binding: BINDING, primitives });
  const { encapsulatedKey } = request;
  const { response } = openRequest({ keyPair, encapsulatedKey, binding: BINDING, primitives });
  const plaintext = new Uint8Array(CHUNK_BYTES);
  const chunks = Array.from({ length: CHUNKS }, (_, seq) => response.seal(plaintext, seq === CHUNKS - 1));
  return { opener: request.response, chunks };
}
