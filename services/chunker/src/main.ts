import { runService } from '@millrace/runtime';
import { startChunker } from './chunker';

runService('chunker', startChunker);
