//! Functions and tables that injections reach for, by how telling their mere name is.

/// How much a function's call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Any program may have one of that name.
    Common,
    /// Of use to an attacker in the right place: after a logic operator, in a sub-select.
    Useful,
    /// Hardly ever written but to probe, to wait, to read files or to run commands.
    Telling,
}

const TELLING: [&str; 35] = [
    "benchmark",
    "bulk_collect",
    "ctxsys",
    "dbms_java",
    "dbms_ldap",
    "dbms_lock",
    "dbms_pipe",
    "dbms_utility",
    "dbms_xmlgen",
    "extractvalue",
    "fn_xe_file_target_read_file",
    "gtid_subset",
    "httpuritype",
    "lo_import",
    "load_extension",
    "load_file",
    "openrowset",
    "pg_ls_dir",
    "pg_read_file",
    "pg_sleep",
    "randomblob",
    "sp_executesql",
    "sp_oacreate",
    "sp_password",
    "sys_eval",
    "sys_exec",
    "updatexml",
    "user_lock",
    "utl_file",
    "utl_http",
    "utl_inaddr",
    "xmltype",
    "xp_cmdshell",
    "xp_dirtree",
    "xp_regread",
];

const USEFUL: [&str; 42] = [
    "ascii",
    "bin",
    "cast",
    "char",
    "char_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "convert",
    "count",
    "current_user",
    "database",
    "db_name",
    "elt",
    "exp",
    "floor",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json_keys",
    "length",
    "lower",
    "make_set",
    "md5",
    "mid",
    "name_const",
    "ord",
    "rand",
    "row",
    "sleep",
    "substr",
    "substring",
    "sysdate",
    "system_user",
    "unhex",
    "upper",
    "user",
    "version",
];

const CATALOGUES: [&str; 21] = [
    "all_tab_columns",
    "all_tables",
    "all_users",
    "dba_users",
    "information_schema",
    "innodb_table_stats",
    "msysobjects",
    "mysql",
    "pg_catalog",
    "pg_class",
    "pg_shadow",
    "pg_tables",
    "pg_user",
    "rdb$database",
    "sqlite_master",
    "sqlite_schema",
    "syscolumns",
    "sysdatabases",
    "sysobjects",
    "sysusers",
    "user_tables",
];

/// Weighs a function's name.
pub fn weigh(name: &[u8]) -> Weight {
    if listed(&TELLING, name)
        || name
            .get(..3)
            .is_some_and(|n| n.eq_ignore_ascii_case(b"xp_"))
    {
        Weight::Telling
    } else if listed(&USEFUL, name) {
        Weight::Useful
    } else {
        Weight::Common
    }
}

/// Tells whether a name is a database's own catalogue.
pub fn is_catalogue(name: &[u8]) -> bool {
    listed(&CATALOGUES, name)
}

/// Longest name in the lists. Units: bytes.
const LONGEST: usize = 32;

fn listed(list: &[&str], name: &[u8]) -> bool {
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..name.len()) else {
        return false;
    };
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    list.binary_search_by(|entry| entry.as_bytes().cmp(lower))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [&TELLING[..], &USEFUL, &CATALOGUES] {
            assert!(list.is_sorted() && list.iter().all(|name| name.len() <= LONGEST));
        }
        assert_eq!(weigh(b"PG_sleep"), Weight::Telling);
        assert_eq!(weigh(b"xp_anything"), Weight::Telling);
        assert_eq!(weigh(b"Sleep"), Weight::Useful);
        assert_eq!(weigh(b"render"), Weight::Common);
        assert!(is_catalogue(b"INFORMATION_SCHEMA"));
    }
}
