export { TestCa } from './certificates';
export { newJobChunk, testReading, unitVector } from './chunks';
export * from './compressedPdf';
export { type ContentPdfOptions, contentPdf, toUnicodeMap } from './contentPdf';
export { createTestEnvironment, type TestEnvironment, testAdminPassword, testApiKey } from './environment';
export { freePort } from './freePort';
export * from './hardPdfs';
export { type GrayPixels, imagePdf } from './imagePdf';
export { writeLargePdf } from './largePdf';
export {
  type OpenAiReply,
  type OpenAiRequest,
  type OpenAiServer,
  openAiVector,
  startOpenAiServer,
} from './openaiServer';
export * from './pdfs';
export { missingPgBouncer, PgBouncer } from './pgbouncer';
export { rawPdf, rawStream } from './rawPdf';
export { ask, ReplicaServer } from './replicaServer';
export { makeSamples } from './samples/makeSamples';
export { testServers } from './servers';
export { createTestDatabase, plainModel, type TestDatabase } from './testDatabase';
export { waitFor } from './waitFor';
export { Wire } from './wire';
export * from './wrongLayers';
