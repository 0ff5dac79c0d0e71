export { checkRedis, closeConnection, producerConnection, untilReady, workerConnection } from './connection';
export { type QueueDepths, Queues } from './queues';
export {
  createDeliveryMetrics,
  type DeliveryMetrics,
  type DeliveryResult,
  QueueWorker,
  type QueueWorkerOptions,
} from './worker';
