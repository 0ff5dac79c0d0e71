import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import pinoHttp from 'pino-http';
import { authentication, KeyAuthentication, requireInBrowser } from './authorization/authentication';
import { withOrigin } from './authorization/requestOrigin';
import { browserPages } from './browserPages';
import type { Dependencies } from './dependencies';
import { endpoints } from './endpoints';
import { endpointRouter } from './http/endpointRouter';
import { answerProblem, undecodableAddress, unknownAddress } from './http/problems';
import { withoutPassword } from './http/requestLog';
import { RequestLimits, withLimits } from './limits/requestLimits';
import { requestMetrics } from './metrics/requestMetrics';
import { ChunkSearch } from './search';

/** Makes the HTTP application. It does not listen yet. */
export function createApp({ providers, ...resources }: Dependencies): Express {
  const { config, database, logger } = resources;
  const keys = new KeyAuthentication(database);
  const limits = new RequestLimits(config, resources.rateLimiter);
  const authenticate = withLimits(withOrigin(authentication(keys, database)), limits);
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.TRUST_PROXY ?? false);
  app.use(requestMetrics(resources.registry));
  app.use(
    pinoHttp({
      logger,
      genReqId: (_request, response) => {
        const id = randomUUID();
        response.setHeader('X-Request-Id', id);
        return id;
      },
      serializers: { req: withoutPassword },
      autoLogging: { ignore: (request) => request.url === '/healthz' || request.url === '/readyz' },
      customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'debug'),
    }),
  );

  // Swagger UI and Bull Board have inline styles and scripts. Nothing may come from another host: Bull Board would load
  // its fonts from Google.
  const inline = ["'self'", "'unsafe-inline'"];
  const directives = { scriptSrc: inline, styleSrc: inline, fontSrc: ["'self'"], upgradeInsecureRequests: null };
  app.use(['/docs', '/admin'], helmet({ contentSecurityPolicy: { directives } }));
  app.use(['/docs', '/openapi.json'], requireInBrowser(keys, 'documentation.read'));
  app.use('/admin', requireInBrowser(keys, 'queues.operate'));
  app.use(browserPages(resources));

  app.use(helmet());
  const search = new ChunkSearch(database, providers, config.SEARCH_EFFORT);
  app.use(endpointRouter(endpoints, { ...resources, search }, { authenticate, limits }));
  app.use(unknownAddress(authenticate));
  app.use(undecodableAddress(authenticate));
  app.use(answerProblem);
  return app;
}
