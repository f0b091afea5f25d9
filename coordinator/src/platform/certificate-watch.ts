import { isIP } from "node:net";
import { connect } from "node:tls";
import { type Clock, repeat } from "@hearth/platform";

/** How often a certificate is looked at: they are renewed days before they end. */
const LOOK_MS = 3_600_000;
/** How long the other side may take for its handshake. */
const HANDSHAKE_MS = 10_000;

/** What is known of the certificate by which consumers reach this coordinator. */
export interface CertificateWatch extends Disposable {
  /** When it ends, Unix time in seconds; `undefined` where it is not known: nobody answers, or not by HTTPS. */
  endsAt(): number | undefined;
}

/** Looks now and then when the certificate at an address ends. Anything but `https:` has none. */
export function watchCertificate(clock: Clock, address: string | undefined): CertificateWatch {
  const url = address === undefined ? undefined : new URL(address);
  let known: number | undefined;
  if (url?.protocol !== "https:") return { endsAt: () => known, [Symbol.dispose]() {} };
  const ending = new AbortController();
  const look = (): void => {
    void endOfCertificate(url, ending.signal).then((endsAt) => {
      known = endsAt;
    });
  };
  look();
  const timer = repeat(clock, LOOK_MS, look);
  return {
    endsAt: () => known,
    [Symbol.dispose]() {
      timer[Symbol.dispose]();
      ending.abort();
    },
  };
}

/** @returns Unix time, seconds; `undefined` where nobody shows a certificate */
function endOfCertificate({ hostname, port }: URL, signal: AbortSignal): Promise<number | undefined> {
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    // When it ends is to be known of one that is not trusted any more, too. Nothing is sent.
    const socket = connect({
      host,
      port: Number(port || 443),
      servername: isIP(host) === 0 ? host : "",
      rejectUnauthorized: false,
      timeout: HANDSHAKE_MS,
    });
    const done = (endsAt?: number): void => {
      socket.destroy();
      resolve(endsAt);
    };
    signal.addEventListener("abort", () => done(), { once: true });
    socket.once("secureConnect", () => {
      const endsAtMs = Date.parse(socket.getPeerCertificate().valid_to);
      done(Number.isNaN(endsAtMs) ? undefined : endsAtMs / 1000);
    });
    socket.once("timeout", () => done());
    socket.once("error", () => done());
  });
}
