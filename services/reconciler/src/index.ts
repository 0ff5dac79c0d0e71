export { startReconciler } from './reconciler';
export { createReconcilerMetrics, runSweeps, type Sweep } from './runSweeps';
export { createSweeps, type SweepOptions } from './sweeps';
