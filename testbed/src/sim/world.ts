import type { Primitives } from "@hearth/e2e";
import type { RequestFrame } from "@hearth/protocol";
import type { CoordinatorUnderTest } from "./coordinator-under-test.js";
import type { AttemptRecord, ConnectionRecord, Journal } from "./journal.js";
import type { Scenario } from "./scenario.js";
import type { SimSocket } from "./socket.js";
import type { VirtualTime } from "./virtual-time.js";

/** What everybody in a run knows of it: those who are put into the world know no more of its making than this. */
export interface World {
  readonly scenario: Scenario;
  readonly time: VirtualTime;
  readonly journal: Journal;
  readonly primitives: Primitives;
  readonly coordinator: CoordinatorUnderTest;
  /** Nothing goes wrong any more. */
  readonly healed: boolean;
  /** All requests are over: there is nothing more to tell. */
  readonly resting: boolean;
  /** What providers do takes this many times as long as planned, now. */
  readonly slowness: number;
  /** What the provider with this index registers as. */
  identityOf(provider: number): string;
  /** Writes down what happens, for people to read, if that was asked for. */
  trace(line: string): void;
  /** A provider's socket reaches the coordinator. */
  accept(socket: SimSocket, record: ConnectionRecord): void;
  /** The coordinator has put a request on the wire. */
  opened(frame: RequestFrame, connection: ConnectionRecord): AttemptRecord;
}
