export { Deliveries } from './deliveries';
export { type LeaseRenewal, renewLease } from './renewLease';
export { Rounds } from './rounds';
export { RunningWork } from './runningWork';
export { type RunningService, runService } from './runService';
export { type ServiceOptions, type ServiceTools, startBackgroundService, startService } from './service';
export { type ShutdownPhase, stopOnSignal } from './shutdown';
export { type Consumer, startWorkerService, type WorkerServiceOptions } from './workerService';
