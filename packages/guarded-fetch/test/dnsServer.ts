import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import type { Resolve } from '../src';

/** A DNS server over UDP whose answers for A records change with each question. It knows only what these tests need. */
export class DnsServer {
  readonly questions: string[] = [];

  private constructor(
    private readonly socket: Socket,
    private readonly answer: (name: string, count: number) => string[],
  ) {}

  /** @param answer gives the addresses of a name; none means that the name is not known. */
  static async start(answer: (name: string, count: number) => string[]): Promise<DnsServer> {
    const server = new DnsServer(createSocket('udp4'), answer);
    server.socket.on('message', (message, { port, address }) => {
      server.socket.send(server.reply(message), port, address);
    });
    server.socket.bind(0, '127.0.0.1');
    await once(server.socket, 'listening');
    return server;
  }

  /** Resolves by this server alone. */
  get resolve(): Resolve {
    const resolver = new Resolver({ tries: 1, timeout: 5_000 });
    resolver.setServers([`127.0.0.1:${this.socket.address().port}`]);
    return (hostname) => resolver.resolve4(hostname);
  }

  close(): void {
    this.socket.close();
  }

  private reply(message: Buffer): Buffer {
    const labels: string[] = [];
    let place = 12;
    for (let length = message[place] ?? 0; length > 0; length = message[place] ?? 0) {
      labels.push(message.toString('ascii', place + 1, place + 1 + length));
      place += 1 + length;
    }
    const question = message.subarray(12, place + 5);
    const name = labels.join('.');
    const addresses = this.answer(name, this.questions.push(name) - 1);
    const head = Buffer.alloc(12);
    message.copy(head, 0, 0, 2);
    // An answer with recursion; 3 is NXDOMAIN.
    head.writeUInt16BE(addresses.length > 0 ? 0x8180 : 0x8183, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((address) => {
      // The name of the question, type A, class IN, no time to live, four bytes.
      const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
      Buffer.from(address.split('.').map(Number)).copy(record, 12);
      return record;
    });
    return Buffer.concat([head, question, ...records]);
  }
}
