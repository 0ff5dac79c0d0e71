import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy to a real server that tests can cut. While it is cut, new connections are closed as soon as they are accepted. */
export class Wire {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private isCut = false;
  /** The number of connections that were closed at once because the wire was cut. */
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

  /** Starts a proxy to the server of `url`. Returns it and the URL to use. */
  static async to(url: string): Promise<{ wire: Wire; url: string }> {
    const target = new URL(url);
    const wire = new Wire(target.hostname, Number(target.port));
    await new Promise<void>((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    target.port = String((wire.server.address() as AddressInfo).port);
    return { wire, url: target.toString() };
  }

  /** Closes all connections, and new ones until `mend` is called. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  /** Stops the data on the open connections for good, like a frozen server. New connections work. */
  freeze(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Lets new connections through again after `cut`. */
  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
