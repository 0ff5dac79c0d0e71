import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import type { Dependencies } from '../dependencies';
import { openApiDocument } from '../openapi/document';

/** The pages for people: the API's documentation at /docs and Bull Board at /admin/queues. */
export function pageRoutes({ queues }: Dependencies): Router {
  const router = Router();
  const document = openApiDocument();
  router.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  router.use('/docs', swaggerUi.serve, swaggerUi.setup(document, { customSiteTitle: 'Millrace API' }));

  const board = new ExpressAdapter();
  board.setBasePath('/admin/queues');
  createBullBoard({
    queues: queues.all.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Millrace queues' } },
  });
  router.use('/admin/queues', board.getRouter());
  return router;
}
