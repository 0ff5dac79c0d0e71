export { startReconciler } from './reconciler';
export { createReconcilerMetrics, runSweeps, type Sweep } from './run';
export { createSweeps, type SweepOptions } from './sweeps';
