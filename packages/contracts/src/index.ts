export * from './chunks';
export * from './errors';
export * from './http';
export * from './ids';
export * from './queues';
export * from './reading';
export * from './statuses';
export * from './text';
