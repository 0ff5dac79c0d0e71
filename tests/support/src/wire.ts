import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A wire to a real server that can be cut. While it is cut, connections end and new ones are refused at once. */
export class Wire {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private isCut = false;
  /** The number of connections that were refused because the wire was cut. */
  refused = 0;

  private constructor(host: string, port: number) {
    this.server = createServer((near) => {
      if (this.isCut) {
        this.refused += 1;
        near.destroy();
        return;
      }
      const far = connect(port, host);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(url: string): Promise<{ wire: Wire; url: string }> {
    const target = new URL(url);
    const wire = new Wire(target.hostname, Number(target.port));
    await new Promise<void>((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    target.port = String((wire.server.address() as AddressInfo).port);
    return { wire, url: target.toString() };
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  /** Keeps connections open without passing data on, like a frozen server. */
  freeze(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
