import { runService } from '@millrace/telemetry';
import { startChunker } from './chunker';

runService('chunker', startChunker);
