export { hashPassword, isOutdated, newPassword, verifyPassword } from './password';
export {
  type AccountChanges,
  changeUser,
  createUser,
  deleteUser,
  insertUser,
  type NewAccount,
  updateUser,
} from './users';
