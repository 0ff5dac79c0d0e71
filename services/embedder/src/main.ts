import { runService } from '@millrace/telemetry';
import { startEmbedder } from './embedder';

runService('embedder', startEmbedder);
