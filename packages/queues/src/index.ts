export { checkRedis, producerConnection, untilReady, workerConnection } from './connection';
export { type ChunkToDeliver, type JobToDeliver, Queues } from './queues';
export { type DeliveryResult, QueueWorker, type QueueWorkerOptions } from './worker';
