/** What Prisma's commands have to know; the service reads none of it. */
export default {
  schema: 'src/database/schema.prisma',
  datasource: { url: process.env['DATABASE_URL'] ?? '' },
};
