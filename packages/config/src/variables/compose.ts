import { group, text, wholeNumber } from './types';

const password = () => text().optional();
const port = wholeNumber(1, 65_535);

/** The variables of docker-compose.yml alone. No program reads them. */
export const compose = group({
  title: 'Docker Compose',
  introduction:
    'Only docker-compose.yml reads these. The passwords have no default, and `docker compose` refuses to start without them, so that a simple one is used only where somebody set it on purpose. They become parts of addresses, so use letters and digits. This makes them:\nfor name in POSTGRES SERVICE READONLY REDIS; do echo "$name"_PASSWORD="$(openssl rand -hex 24)"; done >> .env',
  variables: {
    POSTGRES_PASSWORD: password().describe("The password of the database's owner, from the first start on."),
    SERVICE_PASSWORD: password().describe("The password of the services' role: 16 characters or more."),
    READONLY_PASSWORD: password().describe('The password of the role that can only read: 16 characters or more.'),
    REDIS_PASSWORD: password().describe('The password of Redis.'),
    POSTGRES_PORT: port.default(5432).describe('The port of PostgreSQL on the loopback address of the host.'),
    REDIS_PORT: port.default(6379).describe('The port of Redis there.'),
    API_PORTS: text()
      .default('3000-3009')
      .describe(
        'The ports of the APIs there: one, or a range from which each API of `--scale api=2` gets one. `docker compose port --index 2 api 3000` shows that of the second.',
      ),
    POSTGRES_SHARED_BUFFERS: text().default('1GB').describe('shared_buffers of PostgreSQL: a quarter of the memory.'),
  },
});
