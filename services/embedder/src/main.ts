import { runService } from '@millrace/runtime';
import { startEmbedder } from './embedder';

runService('embedder', startEmbedder);
