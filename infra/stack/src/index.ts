export { ApiClient, ApiError } from './apiClient';
export { type BackingServices, ensureServices } from './backingServices';
export { createContext, type StackContext, StackError } from './context';
export { readEnvironment } from './environment';
export type { Ending, SupervisedProcess } from './processes';
export { type ProgramName, type RunningStack, type StackOptions, startStack } from './stack';
export { ensureStaticTable, staticTableFile } from './staticTable';
