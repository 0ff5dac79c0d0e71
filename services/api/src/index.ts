export { startApi } from './api';
export { createApp } from './app';
export type { Dependencies } from './dependencies';
