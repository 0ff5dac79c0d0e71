import { runService } from '@millrace/telemetry';
import { startReconciler } from './reconciler';

runService('reconciler', startReconciler);
