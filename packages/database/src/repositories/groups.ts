import { refuseDuplicate } from '../connection/constraintViolations';
import { isAfterPlace, type Listed, type ListPage, placeColumn, placeValues } from '../connection/newestFirst';
import type { Sql } from '../connection/sql';

export interface GroupRow {
  id: string;
  name: string;
  /** How many users belong to it. */
  members: number;
  createdAt: Date;
}

const columns = `g.id, g.name, g.created_at AS "createdAt",
  (SELECT count(*)::integer FROM group_members m WHERE m.group_id = g.id) AS members`;

/** Groups of users, with whom collections can be shared. */
export class Groups {
  constructor(private readonly sql: Sql) {}

  find(id: string): Promise<GroupRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM groups g WHERE g.id = $1`, [id]);
  }

  /** Keeps a group from being deleted until the transaction ends. @returns false when there is no such group. */
  async lock(id: string): Promise<boolean> {
    return (await this.sql.many('SELECT FROM groups WHERE id = $1 FOR UPDATE', [id])).length > 0;
  }

  /** Lists all groups, the newest first. */
  list(page: ListPage): Promise<Listed<GroupRow>[]> {
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('g.created_at')} FROM groups g WHERE ${isAfterPlace('g.created_at', 'g.id')}
       ORDER BY g.created_at DESC, g.id DESC LIMIT $<limit>`,
      placeValues(page),
    );
  }

  /** @throws MillraceError GROUP_EXISTS */
  async insert(group: { id: string; name: string }): Promise<void> {
    await refuseSecond(group.name, this.sql.none('INSERT INTO groups (id, name) VALUES ($<id>, $<name>)', group));
  }

  /** @returns false when there is no such group. @throws MillraceError GROUP_EXISTS */
  async rename(id: string, name: string): Promise<boolean> {
    const statement = this.sql.affected('UPDATE groups SET name = $<name> WHERE id = $<id>', { id, name });
    return (await refuseSecond(name, statement)) === 1;
  }

  /** Deletes the group. What was shared with it is no longer shared. @returns its name, or null when there is no such group. */
  async delete(id: string): Promise<string | null> {
    const row = await this.sql.oneOrNone<{ name: string }>('DELETE FROM groups WHERE id = $1 RETURNING name', [id]);
    return row?.name ?? null;
  }

  /** @returns false when the user is a member already. */
  async addMember(groupId: string, userId: string): Promise<boolean> {
    const inserted = await this.sql.affected(
      'INSERT INTO group_members (group_id, user_id) VALUES ($<groupId>, $<userId>) ON CONFLICT DO NOTHING',
      { groupId, userId },
    );
    return inserted === 1;
  }

  /** Makes the user a member of exactly the groups with these names. A name that no group has is left out. */
  async setMemberships(userId: string, names: readonly string[]): Promise<void> {
    await this.sql.none(
      `DELETE FROM group_members m USING groups g
       WHERE g.id = m.group_id AND m.user_id = $<userId> AND g.name <> ALL($<names>::text[])`,
      { userId, names },
    );
    await this.sql.none(
      `INSERT INTO group_members (group_id, user_id) SELECT id, $<userId> FROM groups WHERE name = ANY($<names>::text[])
       ON CONFLICT DO NOTHING`,
      { userId, names },
    );
  }

  /** @returns false when the user is not a member. */
  async removeMember(groupId: string, userId: string): Promise<boolean> {
    const deleted = await this.sql.affected(
      'DELETE FROM group_members WHERE group_id = $<groupId> AND user_id = $<userId>',
      { groupId, userId },
    );
    return deleted === 1;
  }
}

function refuseSecond<T>(name: string, statement: Promise<T>): Promise<T> {
  const message = `Another group has the name ${name}.`;
  return refuseDuplicate(statement, { index: 'groups_name_key', code: 'GROUP_EXISTS', message });
}
