import { runChecks } from '@millrace/telemetry';
import { Router } from 'express';
import type { Dependencies } from '../dependencies';

/** Whether the process runs, and whether it has what it needs; open to everybody, since they say nothing else. */
export function healthRoutes({ checks }: Dependencies): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const readiness = await runChecks(checks);
    response.status(readiness.ready ? 200 : 503).json(readiness);
  });
  return router;
}
