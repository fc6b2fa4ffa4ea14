pub(in crate::lang) const LIBRARY: &[(&str,&str,&str)] = &[];
