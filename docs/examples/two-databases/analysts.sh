#!/bin/sh
# Makes a database for analysts that shows two or more deployments as one: each table and view of schema wechat that analysts may
# read is the union of all, computed where the data is; and the functions that only read are there, too. It holds no data itself.
# Run it again after an upgrade of the deployments, or when one is added: it makes everything anew.
#
#   ANALYST_PASSWORD=… sh analysts.sh postgres://postgres@analysts/wechat \
#     a=postgres://analyst@db-a/wechat b=postgres://analyst@db-b/wechat
#
# First, by an administrator in each deployment's database: create role analyst login password '…' in role wechat_analyst;
# The first URL is of an administrator: postgres_fdw is an extension. All deployments must be of one version.
set -eu

analysts=$1
shift
[ $# -ge 2 ] || { echo "usage: sh analysts.sh URL name=URL name=URL …" >&2; exit 2; }
quiet="-X -q -v ON_ERROR_STOP=1"
export PGPASSWORD="${ANALYST_PASSWORD:-}"

of() { psql $quiet -At -c "$2" "$1"; }
first=${1#*=}
for deployment; do
  other=$(of "${deployment#*=}" "select string_agg(name, ' ' order by name) from (select relname as name from pg_class
    where relnamespace = 'wechat'::regnamespace and relkind in ('r', 'v')) t")
  [ -z "${known:-}" ] || [ "$known" = "$other" ] || { echo "the deployments are not of one version" >&2; exit 1; }
  known=$other
done

# Tables and views that the analyst may read.
relations=$(of "$first" "select string_agg(quote_ident(relname), ',' order by relname) from pg_class
  where relnamespace = 'wechat'::regnamespace and relkind in ('r', 'v') and has_table_privilege(oid, 'select')")

{
  echo "begin; set client_min_messages = warning;"
  echo "create extension if not exists postgres_fdw;"
  echo "drop schema if exists wechat cascade;"
  for deployment; do
    name=${deployment%%=*}
    url=${deployment#*=}
    host=$(psql $quiet -At -c '\echo :HOST' "$url")
    port=$(psql $quiet -At -c '\echo :PORT' "$url")
    user=$(psql $quiet -At -c '\echo :USER' "$url")
    dbname=$(psql $quiet -At -c '\echo :DBNAME' "$url")
    cat <<SQL
drop server if exists wechat_$name cascade;
create server wechat_$name foreign data wrapper postgres_fdw
  options (host '$host', port '$port', dbname '$dbname', fetch_size '10000', use_remote_estimate 'true', async_capable 'true');
create user mapping for public server wechat_$name options (user '$user', password '${ANALYST_PASSWORD:-}', password_required 'false');
drop schema if exists wechat_$name cascade;
create schema wechat_$name;
import foreign schema wechat limit to ($relations) from server wechat_$name into wechat_$name
  options (import_default 'false', import_generated 'false');
SQL
  done

  echo "create schema wechat;"
  # Each relation as the union of all, with the comments of the first.
  echo "$relations" | tr ',' '\n' | while read -r relation; do
    union=""
    for deployment; do
      union="${union:+$union union all }select * from wechat_${deployment%%=*}.$relation"
    done
    echo "create view wechat.$relation as $union;"
  done
  of "$first" "select format('comment on %s wechat.%I is %L;', 'view', c.relname, d.description)
    from pg_class c join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
    where c.relnamespace = 'wechat'::regnamespace and c.relkind in ('r', 'v') and has_table_privilege(c.oid, 'select')"
  of "$first" "select format('comment on column wechat.%I.%I is %L;', c.relname, a.attname, d.description)
    from pg_class c join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass
    join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid
    where c.relnamespace = 'wechat'::regnamespace and c.relkind in ('r', 'v') and has_table_privilege(c.oid, 'select')"

  # Functions that read alone, as the first deployment has them. What they name may be made after them. A view has no primary key,
  # on which a group could depend.
  echo "set check_function_bodies = off;"
  of "$first" "select pg_get_functiondef(p.oid) || ';' from pg_proc p
    where p.pronamespace = 'wechat'::regnamespace and p.prokind = 'f' and p.provolatile <> 'v' and not p.prosecdef
      and p.prorettype <> 'trigger'::regtype and has_function_privilege(p.oid, 'execute')
      -- Of rows of tables that are not shown here.
      and not exists (
        select from unnest(p.proargtypes::oid[] || p.prorettype) t (id) join pg_type y on y.oid = t.id
        join pg_class c on c.oid = y.typrelid
        where c.relnamespace = 'wechat'::regnamespace and not has_table_privilege(c.oid, 'select'))" |
    sed 's/group by m\.id$/group by m.id, m.received_at, m.app_id/'
  cat <<'SQL'
do $$ begin
  if not exists (select from pg_roles where rolname = 'wechat_analyst') then create role wechat_analyst nologin; end if;
end $$;
grant usage on schema wechat to wechat_analyst;
grant select on all tables in schema wechat to wechat_analyst;
commit;
SQL
} | PGPASSWORD="${ADMIN_PASSWORD:-}" psql $quiet -o /dev/null "$analysts"
