export { type Checks, type HealthServer, listen, type Readiness, runChecks, startHealthServer } from './health';
export { createLogger, type Logger } from './logger';
export { addPoolMetrics, addReadMetric, Counter, createRegistry, Gauge, Histogram, Registry } from './metrics';
