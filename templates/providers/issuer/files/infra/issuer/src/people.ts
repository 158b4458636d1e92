/** Who can sign in. A change here needs no other one. */
export const people: Record<string, { name: string; roles: string[] }> = {
  alice: { name: 'Alice', roles: [] },
  bob: { name: 'Bob', roles: [] },
  admin: { name: 'Ada Admin', roles: ['admin'] },
};
