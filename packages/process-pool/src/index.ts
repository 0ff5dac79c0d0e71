export type { TaskLimits } from './limitWatch';
export { ProcessPool, type ProcessPoolOptions, type RunOptions } from './processPool';
export type { TaskProtocol } from './protocol';
export { serveTasks, type TaskContext } from './serveTasks';
export { type TaskEnd, TaskEndedError } from './taskEnd';
