import {
  idSchema,
  type JobChunksResponse,
  jobChunkStatus,
  jobChunksQuerySchema,
  MillraceError,
} from '@millrace/contracts';
import type { JobRow } from '@millrace/database';
import { Router } from 'express';
import { decodeCursor, toPage } from '../cursor';
import type { Dependencies } from '../dependencies';
import { onlyMethods } from '../problems';
import { jobChunkView, jobView } from '../views';

export function jobRoutes({ database }: Dependencies): Router {
  const router = Router();

  router
    .route('/jobs/:id')
    .get(async (request, response) => {
      response.json(jobView(await findJob(request.params.id)));
    })
    .all(onlyMethods('GET'));

  router
    .route('/jobs/:id/chunks')
    .get(async (request, response) => {
      const { limit, cursor, status } = jobChunksQuerySchema.parse(request.query);
      const { id } = await findJob(request.params.id);
      const [counts, rows] = await Promise.all([
        database.jobChunks.countByStatus(id),
        database.jobChunks.list(id, { after: decodeCursor(cursor, -1), limit: limit + 1, status }),
      ]);
      const { items, nextCursor } = toPage(rows, limit, (row) => row.chunk_index);
      response.json({
        job_id: id,
        summary: summarize(counts),
        chunks: items.map(jobChunkView),
        next_cursor: nextCursor,
      } satisfies JobChunksResponse);
    })
    .all(onlyMethods('GET'));

  async function findJob(id: string): Promise<JobRow> {
    const job = idSchema.safeParse(id).success ? await database.jobs.find(id) : null;
    if (!job) {
      throw new MillraceError('JOB_NOT_FOUND', `There is no job ${id}`);
    }
    return job;
  }

  return router;
}

/** Every status with its count, zeros included, and the total. */
function summarize(counts: Partial<Record<string, number>>): JobChunksResponse['summary'] {
  const byStatus = Object.fromEntries(jobChunkStatus.options.map((status) => [status, counts[status] ?? 0]));
  const total = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  return { ...(byStatus as Omit<JobChunksResponse['summary'], 'total'>), total };
}
