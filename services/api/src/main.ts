import { runService } from '@millrace/runtime';
import { startApi } from './api';

runService('api', startApi);
