import { group, networks, origins, ports, trustedProxies, wholeNumber } from './types';

/** Requests in a minute. 0 turns the limit off. */
const perMinute = (standard: number) => wholeNumber(0, 1_000_000).default(standard);

export const network = group({
  title: 'Requests from a network',
  introduction:
    'Each RATE_LIMIT_ is a number of requests in a minute, counted for all APIs together; 0 is no limit. All keys of a user share its limits.',
  variables: {
    RATE_LIMIT_READ: perMinute(6_000).describe('Reading and listing, for each user.'),
    RATE_LIMIT_WRITE: perMinute(1_200).describe('Changes, retries, cancellations and deletions, for each user.'),
    RATE_LIMIT_UPLOAD: perMinute(1_200).describe('Uploads, for each user.'),
    RATE_LIMIT_SEARCH: perMinute(3_000).describe('Searches, for each user.'),
    RATE_LIMIT_ADMIN: perMinute(600).describe('Changes of users, keys and the installation, for each user.'),
    RATE_LIMIT_ANONYMOUS: perMinute(300).describe(
      'Requests without a valid key, for each address (of IPv6 the first 64 bits).',
    ),
    API_MAX_CONNECTIONS: wholeNumber(10, 1_000_000)
      .default(5_000)
      .describe('The most open connections of one API. More are closed as soon as they come.'),
    CORS_ORIGINS: origins().default([]).meta({
      description:
        'The origins of pages on other hosts that may call the API from a browser, joined by commas. They must send a key or a token. Without it, none may.',
      example: 'https://app.example.com',
    }),
    GUARDED_FETCH_ALLOW: networks().default([]).meta({
      description:
        "Networks inside that may be fetched from on a user's behalf, joined by commas. Otherwise only public addresses may.",
      example: '10.0.0.0/8',
    }),
    GUARDED_FETCH_PORTS: ports()
      .default([80, 443])
      .meta({ description: 'The ports of such addresses, joined by commas (80,443).', example: '80,443' }),
    TRUST_PROXY: trustedProxies().optional().meta({
      description:
        'The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: their addresses or networks, joined by commas (loopback, linklocal and uniquelocal are names of networks), or how many proxies every request passes. Without it, a client counts by the address of its connection.',
      example: 'loopback,10.0.0.0/8',
    }),
  },
});
