import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { type Express, Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import type { SharedResources } from '../dependencies';
import { endpoints } from '../endpoints';
import { openApiDocument } from '../http/openApiDocument';
import { signOutPath } from './signIn';

/** Makes the routes of the pages for people: the documentation at /docs, and Bull Board at /admin/queues. */
export function browserPages({ queues }: Pick<SharedResources, 'queues'>): Router {
  const router = Router();
  const document = openApiDocument(endpoints);
  router.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  router.use('/docs', swaggerUi.serve, swaggerUi.setup(document, { customSiteTitle: 'Millrace API' }));

  const board = new ExpressAdapter();
  board.setBasePath('/admin/queues');
  createBullBoard({
    queues: queues.all.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Millrace queues', miscLinks: [{ text: 'Sign out', url: signOutPath }] } },
  });
  // It is an application of its own.
  const boardApp: Express = board.getRouter();
  boardApp.disable('x-powered-by');
  router.use('/admin/queues', boardApp);
  return router;
}
