import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import pinoHttp from 'pino-http';
import type { Dependencies } from './dependencies';
import { requireKey, requireKeyInBrowser } from './http/auth';
import { answerProblem, noSuchAddress } from './http/problems';
import { withoutPassword } from './http/requestLog';
import { pageRoutes } from './routes/admin';
import { documentRoutes } from './routes/documents';
import { healthRoutes } from './routes/health';
import { jobRoutes } from './routes/jobs';
import { retryRoutes } from './routes/retries';
import { searchRoutes } from './routes/search';

/** The HTTP application; starting to listen is somebody else's part. */
export function createApp(dependencies: Dependencies): Express {
  const { apiKey, logger, registry } = dependencies;
  const app = express();
  app.disable('x-powered-by');
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
  app.use(healthRoutes(dependencies));

  // Swagger UI and Bull Board bring inline styles and scripts of their own. Nothing may come from elsewhere: Bull Board
  // would load its fonts from Google.
  const inline = ["'self'", "'unsafe-inline'"];
  const directives = { scriptSrc: inline, styleSrc: inline, fontSrc: ["'self'"], upgradeInsecureRequests: null };
  app.use(['/docs', '/admin'], helmet({ contentSecurityPolicy: { directives } }));
  app.use(['/docs', '/openapi.json', '/admin'], requireKeyInBrowser(apiKey));
  app.use(pageRoutes(dependencies));

  app.use(helmet(), requireKey(apiKey));
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  app.use(
    '/api/v1',
    documentRoutes(dependencies),
    jobRoutes(dependencies),
    retryRoutes(dependencies),
    searchRoutes(dependencies),
  );
  app.use(noSuchAddress);
  app.use(answerProblem);
  return app;
}
