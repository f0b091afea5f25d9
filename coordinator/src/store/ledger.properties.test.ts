import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Abandonment, WorkPart } from "./ledger-store.js";
import { askLedger, ModelLedger, type MoneyOperation } from "./testing/model-ledger.js";
import { income, part, reservation } from "./testing/money.js";
import { STORE_HOMES, type StoreHome } from "./testing/store-homes.js";

const NAMES = ["anna", "ben"] as const;

/** Few ids and small amounts, so that they meet. */
const id = fc.integer({ min: 0, max: 2 });
const name = fc.constantFrom(...NAMES);
const amount = fc.bigInt({ min: 1n, max: 60n });
const nowMs = fc.integer({ min: 0, max: 6 }).map((n) => n * 1_000);
const parts: fc.Arbitrary<WorkPart[]> = fc.array(
  fc
    .tuple(fc.bigInt({ min: 0n, max: 70n }), name, fc.constantFrom("mach_1", "mach_2"), fc.boolean())
    .map(([gross, account, machine, lost]) => part(gross, { account, machine, payer: lost ? "platform" : "consumer" })),
  { maxLength: 3 },
);

const operation: fc.Arbitrary<MoneyOperation> = fc.oneof(
  ...[
    { weight: 2, arbitrary: fc.tuple(id, amount, name).map(([n, of, account]) => deposit(n, of, account)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(id, fc.bigInt({ min: -30n, max: 90n }), name)
        .map(([n, of, account]) => correct(n, of, account)),
    },
    {
      weight: 4,
      arbitrary: fc
        .record({
          n: id,
          max: amount,
          payer: name,
          isKeyed: fc.boolean(),
          fee: fc.integer({ min: 0, max: 10_000 }),
          node: fc.constantFrom("node-1", "node-2"),
          expires: nowMs,
        })
        .map(reserve),
    },
    { weight: 3, arbitrary: fc.tuple(id, amount, parts, nowMs).map(([n, max, used, at]) => extend(n, max, used, at)) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(id, parts)
        .map(([n, of]): MoneyOperation => ({ type: "post", input: { id: `r${n}`, parts: of, nowMs: 1_000 } })),
    },
    { weight: 2, arbitrary: id.map((n): MoneyOperation => ({ type: "void", input: { id: `r${n}`, nowMs: 1_000 } })) },
    { weight: 2, arbitrary: fc.tuple(id, nowMs, fc.boolean()).map(([n, at, isExpiry]) => abandon(n, at, isExpiry)) },
    {
      weight: 3,
      arbitrary: fc.tuple(id, id, amount).map(
        ([n, of, much]): MoneyOperation => ({
          type: "refund",
          input: { ...income(`f${n}`, much), reservationId: `r${of}` },
        }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(id, amount, name).map(
        ([n, of, account]): MoneyOperation => ({
          type: "requestPayout",
          input: { id: `p${n}`, account, amount: of, actor: "a", nowMs: 1_000 },
        }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(id, fc.constantFrom("paid", "failed", "returned")).map(
        ([n, to]): MoneyOperation => ({
          type: "changePayout",
          input: { id: `p${n}`, to, reason: "", actor: "a", nowMs: 1_000 },
        }),
      ),
    },
  ],
);

function deposit(n: number, of: bigint, account: string): MoneyOperation {
  return { type: "deposit", input: income(`d${n}`, of, { account }) };
}

function correct(n: number, of: bigint, account: string): MoneyOperation {
  return { type: "correct", input: { ...income(`c${n}`, of === 0n ? 1n : of, { account }), part: "earned" } };
}

function reserve(of: {
  n: number;
  max: bigint;
  payer: string;
  isKeyed: boolean;
  fee: number;
  node: string;
  expires: number;
}): MoneyOperation {
  const budget = of.isKeyed ? { keyId: "key_1", windowStartMs: 0, limit: 70n } : undefined;
  const given = {
    payer: of.payer,
    account: of.payer,
    feeBasisPoints: of.fee,
    node: of.node,
    expiresAtMs: of.expires,
    budget,
  };
  return { type: "reserve", input: reservation(`r${of.n}`, of.max, given) };
}

function extend(n: number, max: bigint, used: WorkPart[], expiresAtMs: number): MoneyOperation {
  return { type: "extend", input: { id: `r${n}`, max, used, nowMs: 1_000, expiresAtMs } };
}

function abandon(n: number, at: number, isExpiry: boolean): MoneyOperation {
  const because: Abandonment["because"] = isExpiry
    ? { type: "expiry", expiresAtMs: at }
    : { type: "recovery", node: "node-1" };
  return { type: "abandon", input: { id: `r${n}`, nowMs: at, because } };
}

/** Every run many times over, to look for what is rare. */
const SEEDS = Number(process.env["HEARTH_LEDGER_RUNS"] ?? 1);
const RUNS: Readonly<Record<string, number>> = { "SQLite in memory": 150, "SQLite in a file": 20, PostgreSQL: 20 };

interface Real {
  readonly home: StoreHome;
  /** Runs share the store: names of theirs are their own. */
  readonly run: string;
  /** What has taken hold, in its order. */
  readonly kept: MoneyOperation[];
}

/** What the operation is called in the store: as it is, with every name of it in this run's own space. */
function within(run: string, { type, input }: MoneyOperation): MoneyOperation {
  const own = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => own(each, key));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([member, of]) => [member, own(of, member)]));
    }
    if (value === "consumer" || value === "platform") return value;
    return ["id", "account", "payer", "reservationId", "keyId", "node"].includes(key) ? `${run}-${value}` : value;
  };
  return { type, input: own(input, "") } as MoneyOperation;
}

/** Asks one of the coordinators. */
function ask({ home, run }: Real, operation: MoneyOperation, n = 0): Promise<object> {
  const stores = home.stores();
  return askLedger((stores[n % stores.length] ?? stores[0]).ledger, within(run, operation));
}

/** Whatever a result says but the payout that was changed, which says nothing more. */
const told = (result: object): object => {
  const { payout: _, ...others } = result as { readonly payout?: unknown };
  return others;
};

const TOOK_HOLD = ["done", "reserved", "extended", "posted", "voided"];
const tookHold = (result: object): boolean => "type" in result && TOOK_HOLD.includes(String(result.type));

/** What is there, as far as anybody is told. */
async function seenOf(real: Real): Promise<unknown> {
  const { ledger } = real.home.store();
  expect((await ledger.audit(5)).mismatches).toEqual([]);
  return Promise.all(NAMES.map((each) => ledger.balance(`${real.run}-${each}`)));
}

const seenOfModel = (model: ModelLedger): unknown => NAMES.map((each) => model.balance(each));

/**
 * Every model that explains what was seen. Of things that were asked at once more than one order may: which part of its
 * payer's money a reservation holds is seen only when it is resolved.
 */
interface Explained {
  models: readonly ModelLedger[];
}

interface Trial {
  readonly model: ModelLedger;
  readonly operations: readonly MoneyOperation[];
  readonly results: readonly object[];
}

/** Keeps those of the models that answer as the ledger did, and have what it has. */
async function explain(of: Explained, real: Real, trials: readonly Trial[]): Promise<void> {
  const seen = await seenOf(real);
  const left = new Map<string, ModelLedger>();
  const failures: unknown[] = [];
  for (const { model, operations, results } of trials) {
    try {
      for (const [n, operation] of operations.entries()) expect(results[n]).toEqual(model.apply(operation));
      expect(seen).toEqual(seenOfModel(model));
      left.set(model.text(), model);
    } catch (error) {
      failures.push(error);
    }
  }
  if (left.size === 0) throw new Error("No order explains what they have answered.", { cause: failures[0] });
  of.models = [...left.values()];
}

class One implements fc.AsyncCommand<Explained, Real> {
  readonly operation: MoneyOperation;
  constructor(operation: MoneyOperation) {
    this.operation = operation;
  }
  check = () => true;
  async run(of: Explained, real: Real): Promise<void> {
    const result = told(await ask(real, this.operation));
    if (tookHold(result)) real.kept.push(this.operation);
    const trials = of.models.map((model) => ({ model, operations: [this.operation], results: [result] }));
    await explain(of, real, trials);
  }
  toString = () =>
    `${this.operation.type} ${JSON.stringify(this.operation.input, (_, v) => (typeof v === "bigint" ? Number(v) : v))}`;
}

/** All at once, at whichever coordinator: what they answer, and what is there then, is as if they had come in some order. */
class AtOnce implements fc.AsyncCommand<Explained, Real> {
  readonly operations: readonly MoneyOperation[];
  constructor(operations: readonly MoneyOperation[]) {
    this.operations = operations;
  }
  check = () => true;
  async run(of: Explained, real: Real): Promise<void> {
    const asked = this.operations.map(async (operation, n) => ({
      operation,
      result: told(await ask(real, operation, n)),
    }));
    const answered = await Promise.all(asked);
    const trials = of.models.flatMap((model) =>
      ordersOf(answered).map((order) => ({
        model: model.clone(),
        operations: order.map(({ operation }) => operation),
        results: order.map(({ result }) => result),
      })),
    );
    await explain(of, real, trials);
    real.kept.push(...answered.filter(({ result }) => tookHold(result)).map(({ operation }) => operation));
  }
  toString = () => `at once [${this.operations.map((one) => new One(one).toString()).join("; ")}]`;
}

function ordersOf<T>(of: readonly T[]): (readonly T[])[] {
  if (of.length <= 1) return [of];
  return of.flatMap((first, n) => ordersOf(of.filter((_, other) => other !== n)).map((rest) => [first, ...rest]));
}

/** The process ends, and what it has done so far, or a part of that, is told again by others who never heard of it. */
class CrashAndReplay implements fc.AsyncCommand<Explained, Real> {
  readonly count: number;
  constructor(count: number) {
    this.count = count;
  }
  check = () => true;
  async run(of: Explained, real: Real): Promise<void> {
    await real.home.reopen();
    for (const operation of real.kept.slice(0, this.count)) await ask(real, operation);
    const trials = of.models.map((model) => ({ model, operations: [], results: [] }));
    await explain(of, real, trials);
  }
  toString = () => `crash, and replay ${this.count}`;
}

const commands = fc.commands(
  [
    operation.map((one) => new One(one)),
    operation.map((one) => new One(one)),
    fc.array(operation, { minLength: 2, maxLength: 4 }).map((some) => new AtOnce(some)),
    // The very same thing, told several times at once.
    fc
      .tuple(operation, fc.integer({ min: 2, max: 4 }))
      .map(([one, times]) => new AtOnce(Array.from({ length: times }, () => one))),
    fc.nat({ max: 30 }).map((count) => new CrashAndReplay(count)),
  ],
  { size: "medium", maxCommands: 40 },
);

describe.each(STORE_HOMES)("any history of a ledger on $name", ({ name: engine, isHere, open }) => {
  let home: StoreHome;
  let run = 0;
  beforeAll(async () => {
    if (isHere) home = await open();
  });
  afterAll(async () => {
    if (isHere) await home.clear();
  });

  it("answers as the rules say, adds up, and converges when it is told again", { timeout: 600_000 }, async ({
    skip,
  }) => {
    if (!isHere) skip("needs a PostgreSQL");
    await fc.assert(
      fc.asyncProperty(commands, (some) =>
        fc.asyncModelRun(
          () => ({ model: { models: [new ModelLedger()] }, real: { home, run: `${run++}`, kept: [] } }),
          some,
        ),
      ),
      { numRuns: (RUNS[engine] ?? 1) * SEEDS, interruptAfterTimeLimit: 500_000, markInterruptAsFailure: true },
    );
  });
});
