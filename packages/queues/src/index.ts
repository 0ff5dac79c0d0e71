export { checkRedis, closeConnection, producerConnection, untilReady, workerConnection } from './connection';
export { type QueueName, Queues } from './queues';
export { type DeliveryResult, QueueWorker, type QueueWorkerOptions } from './worker';
export { startWorkerService, type Work, type WorkerServiceOptions, type WorkTools } from './workerService';
