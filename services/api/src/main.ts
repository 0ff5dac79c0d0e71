import { runService } from '@millrace/telemetry';
import { startApi } from './api';

runService('api', startApi);
