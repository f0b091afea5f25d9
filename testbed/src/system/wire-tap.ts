import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What crossed one TCP connection, each way. */
export interface TappedConnection {
  readonly toServer: Buffer[];
  readonly toClient: Buffer[];
}

/** A TCP proxy that keeps every byte it carries. */
export interface WireTap extends AsyncDisposable {
  readonly port: number;
  readonly connections: readonly TappedConnection[];
}

/** Listens on a free port of 127.0.0.1 and carries every connection to this port. */
export async function startWireTap(targetPort: number): Promise<WireTap> {
  const connections: TappedConnection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    const tapped: TappedConnection = { toServer: [], toClient: [] };
    connections.push(tapped);
    carry(client, target, tapped.toServer);
    carry(target, client, tapped.toClient);
    for (const socket of [client, target]) sockets.add(socket.on("close", () => sockets.delete(socket)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function carry(from: Socket, to: Socket, record: Buffer[]): void {
  from.on("data", (data: Buffer) => {
    record.push(data);
    to.write(data);
  });
  from.on("end", () => to.end());
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}
