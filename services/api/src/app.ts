import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import pinoHttp from 'pino-http';
import { authentication } from './authorization/authentication';
import { withOrigin } from './authorization/requestOrigin';
import { BrowserSessions, withSessions } from './authorization/sessions';
import { signingIn } from './authorization/signingIn';
import { recordChanges, requireInBrowser } from './browser/guard';
import { browserPages } from './browser/pages';
import { signInPages } from './browser/signIn';
import type { Dependencies } from './dependencies';
import { endpoints } from './endpoints';
import { endpointRouter } from './http/endpointRouter';
import { otherOrigins } from './http/otherOrigins';
import { answerProblem, undecodableAddress, unknownAddress } from './http/problems';
import { withoutSecrets } from './http/requestLog';
import { apiHeaders, pageHeaders } from './http/securityHeaders';
import { RequestLimits, withLimits } from './limits/requestLimits';
import { requestMetrics } from './metrics/requestMetrics';
import { ChunkSearch } from './search';

/** Makes the HTTP application. It does not listen yet. */
export function createApp({ providers, ...resources }: Dependencies): Express {
  const { config, database, logger } = resources;
  const { credentials, passwordGuard, passwords, signIn } = signingIn(resources);
  const sessions = new BrowserSessions(database);
  const limits = new RequestLimits(config, resources.rateLimiter);
  const authenticate = withLimits(withOrigin(withSessions(authentication(credentials, database), sessions)), limits);
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.TRUST_PROXY ?? false);
  app.use(apiHeaders());
  app.use(requestMetrics(resources.registry));
  app.use(
    pinoHttp({
      logger,
      genReqId: (_request, response) => {
        const id = randomUUID();
        response.setHeader('X-Request-Id', id);
        return id;
      },
      serializers: { req: withoutSecrets },
      autoLogging: { ignore: (request) => request.url === '/healthz' || request.url === '/readyz' },
      customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'debug'),
    }),
  );

  app.use(['/docs', '/admin'], pageHeaders());
  app.use(signInPages({ database, credentials, passwords, sessions, limits }));
  app.use(['/docs', '/openapi.json'], requireInBrowser(authenticate, 'documentation.read'));
  app.use('/admin', requireInBrowser(authenticate, 'queues.operate'), recordChanges(database));
  app.use(browserPages(resources));

  if (config.CORS_ORIGINS.length > 0) {
    app.use('/api', otherOrigins(config.CORS_ORIGINS));
  }
  const search = new ChunkSearch(database, providers, config.SEARCH_EFFORT);
  app.use(endpointRouter(endpoints, { ...resources, search, passwordGuard, signIn }, { authenticate, limits }));
  app.use(unknownAddress(authenticate));
  app.use(undecodableAddress(authenticate));
  app.use(answerProblem);
  return app;
}
