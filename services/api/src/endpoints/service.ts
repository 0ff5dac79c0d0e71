import { healthSchema, readinessSchema } from '@millrace/contracts';
import { runChecks } from '@millrace/telemetry';
import { z } from 'zod';
import { endpoint } from '../http/endpoint';

export const getHealth = endpoint({
  method: 'GET',
  path: '/healthz',
  summary: 'Check that the process is running',
  params: {},
  responses: { 200: { description: 'The process is running.', schema: healthSchema } },
  errors: [],
  access: 'public',
  rateClass: 'unlimited',
  uses: [],
}).handle(async () => {
  return { status: 200, body: { status: 'ok' } };
});

export const getReadiness = endpoint({
  method: 'GET',
  path: '/readyz',
  summary: 'Check that the service has what it needs',
  params: {},
  responses: {
    200: { description: 'Every check is ok.', schema: readinessSchema },
    503: { description: 'At least one check has failed.', schema: readinessSchema },
  },
  errors: [],
  access: 'public',
  rateClass: 'unlimited',
  uses: ['checks'],
}).handle(async (_input, { checks }) => {
  const readiness = await runChecks(checks);
  return { status: readiness.ready ? 200 : 503, body: readiness };
});

export const getMetrics = endpoint({
  method: 'GET',
  path: '/metrics',
  summary: 'Get the metrics in the format of Prometheus',
  params: {},
  responses: { 200: { description: 'The metrics', schema: z.string(), contentType: 'text/plain' } },
  errors: [],
  access: 'metrics.read',
  rateClass: 'unlimited',
  uses: ['registry'],
}).handle(async (_input, { registry }) => {
  return { status: 200, headers: { 'Content-Type': registry.contentType }, body: await registry.metrics() };
});
