import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type FetchPolicy, fetchUrl, openUrl, type UrlRequest } from '../src';
import { isAllowed } from '../src/policy';
import { DnsServer } from './dnsServer';

/** The tests call the first loopback address the inside, and allow only the second one. */
const inside = '127.0.0.1';
const outside = '127.0.0.2';
const servers: Server[] = [];
const resolvers: DnsServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  for (const resolver of resolvers.splice(0)) {
    resolver.close();
  }
});

async function serve(host: string, listener: RequestListener, port = 0): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function resolver(answer: (name: string, count: number) => string[]): Promise<DnsServer> {
  const server = await DnsServer.start(answer);
  resolvers.push(server);
  return server;
}

const policyOf = (port: number, more: Partial<FetchPolicy> = {}): FetchPolicy => ({
  allow: [`${outside}/32`],
  ports: [80, 443, port],
  ...more,
});
const get = (url: string, more: Partial<UrlRequest> = {}): UrlRequest => ({
  url,
  maxBytes: 100_000,
  timeoutMs: 60_000,
  ...more,
});
const text = (body: string) => (_request: IncomingMessage, response: ServerResponse) => response.end(body);

describe('Which addresses are public', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:0:127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '4000::1',
    'nonsense',
    '',
  ])('%s is not', (address) => expect(isAllowed(address, [])).toBe(false));

  test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450:4001:81b::200e'])(
    '%s is',
    (address) => expect(isAllowed(address, [])).toBe(true),
  );

  test('A network can be allowed, and it allows no more than itself', () => {
    const allow = ['10.0.0.0/8', '192.168.1.7', 'fd00::/8'];
    expect(['10.255.0.1', '192.168.1.7', 'fd12::1'].map((address) => isAllowed(address, allow))).toEqual([
      true,
      true,
      true,
    ]);
    expect(
      ['11.0.0.1', '127.0.0.1', '192.168.1.8', 'fe80::1', '::ffff:10.0.0.1'].map((address) =>
        isAllowed(address, allow),
      ),
    ).toEqual([true, false, false, false, false]);
  });
});

describe('An address that may not be fetched', () => {
  test.each([
    ['file:///etc/passwd', 'URL_INVALID'],
    ['ftp://example.com/', 'URL_INVALID'],
    ['gopher://example.com/', 'URL_INVALID'],
    ['data:text/plain,x', 'URL_INVALID'],
    ['//example.com/', 'URL_INVALID'],
    ['example.com', 'URL_INVALID'],
    ['', 'URL_INVALID'],
    ['http://user:secret@example.com/', 'URL_INVALID'],
    ['http://user@example.com/', 'URL_INVALID'],
    ['http://example.com:22/', 'URL_BLOCKED'],
    ['https://example.com:6379/', 'URL_BLOCKED'],
    ['http://127.0.0.1/', 'URL_BLOCKED'],
    ['http://127.1/', 'URL_BLOCKED'],
    ['http://2130706433/', 'URL_BLOCKED'],
    ['http://0x7f000001/', 'URL_BLOCKED'],
    ['http://0177.0.0.1/', 'URL_BLOCKED'],
    ['http://0/', 'URL_BLOCKED'],
    ['http://[::1]/', 'URL_BLOCKED'],
    ['http://[::ffff:127.0.0.1]/', 'URL_BLOCKED'],
    ['http://[::ffff:7f00:1]/', 'URL_BLOCKED'],
    ['http://[64:ff9b::7f00:1]/', 'URL_BLOCKED'],
    ['http://[fd00:ec2::254]/latest/meta-data/', 'URL_BLOCKED'],
    ['http://169.254.169.254/latest/meta-data/', 'URL_BLOCKED'],
    ['http://１２７.０.０.１/', 'URL_BLOCKED'],
    ['http://localhost/', 'URL_BLOCKED'],
  ])('When it is %j, then %s', async (url, code) => {
    await expect(fetchUrl({ allow: [], ports: [80, 443] }, get(url))).rejects.toMatchObject({ code });
  });

  test('When it is refused, then the message has no address from inside and no password', async () => {
    const dns = await resolver(() => ['10.1.2.3']);
    const refused = (url: string) =>
      fetchUrl({ allow: [], ports: [80], resolve: dns.resolve }, get(url)).catch((error: Error) => error.message);
    expect(await refused('http://inner.example/')).not.toContain('10.1.2.3');
    expect(await refused('http://user:hunter2@inner.example/')).not.toContain('hunter2');
  });
});

describe('A name', () => {
  test('When each answer of its DNS is another (rebinding), then the inside is never reached, and each fetch asks once', async () => {
    let reached = 0;
    const port = await serve(outside, text('outside'));
    await serve(inside, (_request, response) => response.end(`inside ${++reached}`), port);
    const dns = await resolver((_name, count) => [count % 2 === 0 ? outside : inside]);
    const policy = policyOf(port, { resolve: dns.resolve });
    const outcomes: string[] = [];
    for (let i = 0; i < 10; i++) {
      outcomes.push(
        await fetchUrl(policy, get(`http://rebinding.example:${port}/`)).then(
          ({ body }) => body.toString(),
          (error) => error.code,
        ),
      );
    }
    expect(outcomes).toEqual(Array(5).fill(['outside', 'URL_BLOCKED']).flat());
    expect([reached, dns.questions.length]).toEqual([0, 10]);
  });

  test('When one of several addresses is inside, then only the others are used', async () => {
    let reached = 0;
    const port = await serve(outside, text('outside'));
    await serve(inside, () => (reached += 1), port);
    const dns = await resolver(() => [inside, outside, '169.254.169.254']);
    const answer = await fetchUrl(policyOf(port, { resolve: dns.resolve }), get(`http://mixed.example:${port}/`));
    expect([answer.body.toString(), reached]).toEqual(['outside', 0]);
  });

  test('When it is not known, then URL_UNRESOLVED', async () => {
    const dns = await resolver(() => []);
    const policy = { allow: [], ports: [80], resolve: dns.resolve };
    await expect(fetchUrl(policy, get('http://nowhere.example/'))).rejects.toMatchObject({ code: 'URL_UNRESOLVED' });
  });

  test('When its DNS never answers, then URL_TIMEOUT', async () => {
    const policy = { allow: [], ports: [80], resolve: () => new Promise<string[]>(() => undefined) };
    await expect(fetchUrl(policy, get('http://slow.example/', { timeoutMs: 50 }))).rejects.toMatchObject({
      code: 'URL_TIMEOUT',
    });
  });

  test('When it is fetched, then the server sees the name, and no proxy of the environment is used', async () => {
    const port = await serve(outside, (request, response) => response.end(request.headers.host));
    const dns = await resolver(() => [outside]);
    const answer = await fetchUrl(policyOf(port, { resolve: dns.resolve }), get(`http://named.example:${port}/`));
    expect(answer.body.toString()).toBe(`named.example:${port}`);
  });
});

describe('A redirect', () => {
  async function redirected(location: string, more: Partial<UrlRequest> = {}, status = 302) {
    let reached = 0;
    const seen: IncomingMessage['headers'][] = [];
    const port = await serve(outside, (request, response) => {
      seen.push(request.headers);
      if (request.url === '/start') {
        response.writeHead(status, { location: location.replaceAll('PORT', String(port)) }).end('moved');
      } else if (request.url === '/loop') {
        response.writeHead(302, { location: '/loop' }).end();
      } else {
        response.end('arrived');
      }
    });
    await serve(inside, (_request, response) => response.end(`inside ${++reached}`), port);
    const dns = await resolver((name) => [name === 'inner.example' ? inside : outside]);
    const outcome = await fetchUrl(
      policyOf(port, { resolve: dns.resolve }),
      get(`http://start.example:${port}/start`, more),
    ).then(
      ({ status: code, url, body }) => ({
        status: code,
        url: url.replace(String(port), 'PORT'),
        body: body.toString(),
      }),
      (error) => error.code,
    );
    expect(reached).toBe(0);
    return { outcome, seen };
  }

  test.each([301, 302, 303, 307, 308])('When its status is %i, then it is followed', async (status) => {
    expect((await redirected('/end', {}, status)).outcome).toEqual({
      status: 200,
      url: 'http://start.example:PORT/end',
      body: 'arrived',
    });
  });

  test.each([
    ['http://127.0.0.1:PORT/', 'URL_BLOCKED'],
    ['http://inner.example:PORT/', 'URL_BLOCKED'],
    ['//inner.example:PORT/', 'URL_BLOCKED'],
    ['http://[::1]:PORT/', 'URL_BLOCKED'],
    ['http://169.254.169.254/latest/meta-data/', 'URL_BLOCKED'],
    ['http://other.example:22/', 'URL_BLOCKED'],
    ['file:///etc/passwd', 'URL_INVALID'],
    ['http://user:secret@other.example:PORT/', 'URL_INVALID'],
    ['/loop', 'URL_TOO_MANY_REDIRECTS'],
  ])('When it leads to %s, then %s', async (location, code) => {
    expect((await redirected(location)).outcome).toBe(code);
  });

  test('When it leads to another host, then the credentials stay behind', async () => {
    const headers = { Authorization: 'Bearer secret', Cookie: 'a=b', 'X-Api-Key': 'secret', 'X-Other': 'kept' };
    const { seen } = await redirected('http://other.example:PORT/end', { headers });
    expect(
      seen.map(({ authorization, cookie, 'x-api-key': key, 'x-other': other }) => [authorization, cookie, key, other]),
    ).toEqual([
      ['Bearer secret', 'a=b', 'secret', 'kept'],
      [undefined, undefined, undefined, 'kept'],
    ]);
    const same = await redirected('/end', { headers });
    expect(same.seen[1]).toMatchObject({ authorization: 'Bearer secret' });
  });

  test('When a POST is redirected, then it is not sent again', async () => {
    const { outcome, seen } = await redirected('/end', { method: 'POST', body: '{"secret":1}' }, 307);
    expect(outcome).toMatchObject({ status: 307 });
    expect(seen).toHaveLength(1);
  });
});

describe('An answer', () => {
  const fetchFrom = async (listener: RequestListener, more: Partial<UrlRequest> = {}) => {
    const port = await serve(outside, listener);
    return fetchUrl(policyOf(port), get(`http://${outside}:${port}/`, more));
  };

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)(
    'When it is packed with %s, then it is unpacked, and a bomb ends at the limit',
    async (encoding, pack) => {
      const sendPacked = (content: Buffer) => (_request: IncomingMessage, response: ServerResponse) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(pack(content));
      expect((await fetchFrom(sendPacked(Buffer.from('packed')))).body.toString()).toBe('packed');
      const bomb = sendPacked(Buffer.alloc(50_000_000));
      await expect(fetchFrom(bomb)).rejects.toMatchObject({ code: 'URL_TOO_LARGE' });
    },
  );

  test.each(['gzip, gzip', 'zstd', 'constructor'])(
    'When it is packed with %s, then URL_CONTENT_REFUSED',
    async (encoding) => {
      const answer: RequestListener = (_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end('x');
      await expect(fetchFrom(answer)).rejects.toMatchObject({ code: 'URL_CONTENT_REFUSED' });
    },
  );

  test('When its length or its bytes are beyond the limit, then URL_TOO_LARGE, and the connection is closed', async () => {
    await expect(fetchFrom(text('x'.repeat(100_001)))).rejects.toMatchObject({ code: 'URL_TOO_LARGE' });
    expect((await fetchFrom(text('x'.repeat(100_000)))).body).toHaveLength(100_000);
    let closed: () => void = () => undefined;
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const flood: RequestListener = (_request, response) => {
      response.once('close', () => closed());
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) {
          // Until the client reads no more.
        }
      };
      response.on('drain', more);
      more();
    };
    await expect(fetchFrom(flood)).rejects.toMatchObject({ code: 'URL_TOO_LARGE' });
    await isClosed;
  });

  test('When it stops in the middle, or never begins, then URL_TIMEOUT', async () => {
    const half: RequestListener = (_request, response) => void response.write('half');
    await expect(fetchFrom(half, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'URL_TIMEOUT' });
    await expect(fetchFrom(() => undefined, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'URL_TIMEOUT' });
  });

  test('When the connection breaks off or is refused, then URL_UNREACHABLE', async () => {
    const broken: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    await expect(fetchFrom(broken)).rejects.toMatchObject({ code: 'URL_UNREACHABLE' });
    const port = await serve(inside, text('x'));
    await expect(fetchUrl(policyOf(port), get(`http://${outside}:${port}/`))).rejects.toMatchObject({
      code: 'URL_UNREACHABLE',
    });
  });

  test('When it changes the protocol instead of answering, then URL_UNREACHABLE, and nothing waits for it', async () => {
    const upgrade: RequestListener = (_request, response) => {
      response.writeHead(101, { connection: 'upgrade', upgrade: 'x' });
      response.end();
    };
    await expect(fetchFrom(upgrade)).rejects.toMatchObject({ code: 'URL_UNREACHABLE' });
  });

  test('When its type is not accepted, then URL_CONTENT_REFUSED', async () => {
    const html: RequestListener = (_request, response) =>
      response.writeHead(200, { 'content-type': 'Text/HTML; charset=utf-8' }).end('x');
    expect((await fetchFrom(html, { contentTypes: ['text/html'] })).status).toBe(200);
    await expect(fetchFrom(html, { contentTypes: ['application/pdf'] })).rejects.toMatchObject({
      code: 'URL_CONTENT_REFUSED',
    });
    await expect(fetchFrom(text('x'), { contentTypes: ['application/pdf'] })).rejects.toMatchObject({
      code: 'URL_CONTENT_REFUSED',
    });
  });

  test('When it is read as it comes, then a piece is there before the whole', async () => {
    let finish: () => void = () => undefined;
    const port = await serve(outside, (_request, response) => {
      response.write('first');
      finish = () => response.end('second');
    });
    const { body } = await openUrl(policyOf(port), get(`http://${outside}:${port}/`));
    const pieces: string[] = [];
    for await (const piece of body) {
      pieces.push(piece.toString());
      finish();
    }
    expect(pieces.join('')).toBe('firstsecond');
  });
});
