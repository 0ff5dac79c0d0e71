export { checkedProvider } from './checkedProvider';
export * from './createProvider';
export * from './microBatcher';
export * from './provider';
export { staticModel } from './staticProvider';
export * from './staticTableBuilder';
