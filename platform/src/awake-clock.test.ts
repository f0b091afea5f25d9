import { describe, expect, it } from "vitest";
import { AwakeClock, DEFAULT_AWAKE_SETTINGS } from "./awake-clock.js";
import type { TimeSource } from "./time-source.js";

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** A machine whose process can be paused: time goes on, and every timer that fell due fires late, in its order. */
class PausableMachine implements TimeSource {
  #real = 1_000;
  #timers: Timer[] = [];

  monotonic(): number {
    return this.#real;
  }

  wall(): number {
    return 1e12 + this.#real;
  }

  setTimer(ms: number, fire: () => void): Disposable {
    const timer = { at: this.#real + ms, fire };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      },
    };
  }

  run(ms: number): void {
    const until = this.#real + ms;
    for (let due = this.#due(until); due !== undefined; due = this.#due(until)) {
      this.#real = Math.max(this.#real, due.at);
      this.#fire(due);
    }
    this.#real = until;
  }

  /** Stands still, and then does one round of what is due, as an event loop does before it reads any socket. */
  pause(ms: number): void {
    this.#real += ms;
    for (const due of this.#timers.filter(({ at }) => at <= this.#real).sort((a, b) => a.at - b.at)) this.#fire(due);
  }

  #due(until: number): Timer | undefined {
    return this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  }

  #fire(timer: Timer): void {
    this.#timers = this.#timers.filter((each) => each !== timer);
    timer.fire();
  }
}

function clockOn(machine: PausableMachine): AwakeClock {
  return new AwakeClock(machine, machine);
}

describe("a clock that counts only time in which this process was awake", () => {
  it("tells the time like any other while nothing happens", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    const start = clock.now();
    let firedAt: number | undefined;
    clock.setTimer(10_000, () => {
      firedAt = clock.now();
    });
    machine.run(60_000);
    expect(firedAt).toBe(start + 10_000);
    expect(clock.now()).toBe(start + 60_000);
  });

  it("does not let a timer fire at once that fell due during a pause", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    const fired: number[] = [];
    const start = clock.now();
    clock.setTimer(45_000, () => fired.push(clock.now() - start));
    machine.run(10_000);
    machine.pause(50_000);
    expect(fired).toEqual([]);
    machine.run(34_000);
    expect(fired).toEqual([]);
    machine.run(2_000);
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeGreaterThanOrEqual(45_000);
  });

  it("gives even a timer that was due in the first moment of a pause one more turn", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    let fired = false;
    machine.run(1_000);
    clock.setTimer(20, () => {
      fired = true;
    });
    machine.pause(50_000);
    expect(fired).toBe(false);
    machine.run(20);
    expect(fired).toBe(true);
  });

  it("stands still over a pause and never goes back", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    const start = clock.now();
    machine.run(5_000);
    machine.pause(3_600_000);
    expect(clock.now() - start).toBeGreaterThanOrEqual(5_000 - DEFAULT_AWAKE_SETTINGS.pulseMs);
    expect(clock.now() - start).toBeLessThanOrEqual(5_000 + DEFAULT_AWAKE_SETTINGS.pulseMs);
  });

  it("tells how long ago a pause was", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    clock.now();
    machine.run(5_000);
    expect(clock.sincePause()).toBe(Number.POSITIVE_INFINITY);
    machine.pause(50_000);
    expect(clock.sincePause()).toBe(0);
    machine.run(700);
    expect(clock.sincePause()).toBe(700);
  });

  it("leaves nothing out of the wall time", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    const start = clock.wallTime();
    machine.pause(3_600_000);
    expect(clock.wallTime() - start).toBe(3_600_000);
  });

  it("takes a busy second for what it is", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    const start = clock.now();
    machine.run(5_000);
    machine.pause(DEFAULT_AWAKE_SETTINGS.pauseMs);
    expect(clock.now() - start).toBe(6_000);
  });

  it("fires nothing that was disposed, also when it had been put off", () => {
    const machine = new PausableMachine();
    const clock = clockOn(machine);
    let fired = false;
    const timer = clock.setTimer(10_000, () => {
      fired = true;
    });
    machine.pause(50_000);
    timer[Symbol.dispose]();
    machine.run(60_000);
    expect(fired).toBe(false);
  });
});
