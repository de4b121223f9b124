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

/// Longest name that is known. Units: bytes.
const LONGEST: usize = 32;

/// Tells a name whose owner may hold functions: databases spell those of packages with an underscore.
pub fn is_package(name: &[u8]) -> bool {
    let objects = [&b"ctxsys"[..], b"httpuritype", b"xmltype"];
    name.contains(&b'_') || objects.iter().any(|o| name.eq_ignore_ascii_case(o))
}

/// Weighs a function's name.
pub fn weigh(name: &[u8]) -> Weight {
    match lower(&mut [0; LONGEST], name) {
        b"benchmark"
        | b"bulk_collect"
        | b"ctxsys"
        | b"dbms_java"
        | b"dbms_ldap"
        | b"dbms_lock"
        | b"dbms_pipe"
        | b"dbms_utility"
        | b"dbms_xmlgen"
        | b"extractvalue"
        | b"fn_xe_file_target_read_file"
        | b"gtid_subset"
        | b"httpuritype"
        | b"lo_import"
        | b"load_extension"
        | b"load_file"
        | b"openrowset"
        | b"pg_ls_dir"
        | b"pg_read_file"
        | b"pg_sleep"
        | b"randomblob"
        | b"sp_executesql"
        | b"sp_oacreate"
        | b"sp_password"
        | b"sys_eval"
        | b"sys_exec"
        | b"updatexml"
        | b"user_lock"
        | b"utl_file"
        | b"utl_http"
        | b"utl_inaddr"
        | b"xmltype"
        | b"xp_cmdshell"
        | b"xp_dirtree"
        | b"xp_regread" => Weight::Telling,
        [b'x', b'p', b'_', ..] => Weight::Telling,
        b"ascii" | b"bin" | b"cast" | b"char" | b"char_length" | b"chr" | b"coalesce"
        | b"concat" | b"concat_ws" | b"convert" | b"count" | b"current_user" | b"database"
        | b"db_name" | b"elt" | b"exp" | b"floor" | b"group_concat" | b"hex" | b"if"
        | b"ifnull" | b"iif" | b"instr" | b"json_keys" | b"length" | b"lower" | b"make_set"
        | b"md5" | b"mid" | b"name_const" | b"ord" | b"rand" | b"row" | b"sleep" | b"substr"
        | b"substring" | b"sysdate" | b"system_user" | b"unhex" | b"upper" | b"user"
        | b"version" => Weight::Useful,
        _ => Weight::Common,
    }
}

/// Tells whether a name is a database's own catalogue.
pub fn is_catalogue(name: &[u8]) -> bool {
    matches!(
        lower(&mut [0; LONGEST], name),
        b"all_tab_columns"
            | b"all_tables"
            | b"all_users"
            | b"dba_users"
            | b"information_schema"
            | b"innodb_table_stats"
            | b"msysobjects"
            | b"mysql"
            | b"pg_catalog"
            | b"pg_class"
            | b"pg_shadow"
            | b"pg_tables"
            | b"pg_user"
            | b"rdb$database"
            | b"sqlite_master"
            | b"sqlite_schema"
            | b"syscolumns"
            | b"sysdatabases"
            | b"sysobjects"
            | b"sysusers"
            | b"user_tables"
    )
}

/// Writes a name in lower case, or as much of it as tells it from all that are known.
fn lower<'l>(place: &'l mut [u8; LONGEST], name: &[u8]) -> &'l [u8] {
    let length = name.len().min(LONGEST);
    let place = &mut place[..length];
    place.copy_from_slice(&name[..length]);
    place.make_ascii_lowercase();
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(weigh(b"PG_sleep"), Weight::Telling);
        assert_eq!(weigh(b"xp_anything"), Weight::Telling);
        assert_eq!(weigh(b"Sleep"), Weight::Useful);
        assert_eq!(weigh(b"render"), Weight::Common);
        assert!(is_catalogue(b"INFORMATION_SCHEMA"));
    }
}
