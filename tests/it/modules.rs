//! The modules of a crate, read from its sources: their files, and the files that their paths name.
//! What is compiled for tests only is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// For each file the other files of its crate that it names.
pub(crate) type Edges = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// A path as written: `crate`, `window`, `Tile`.
type Segments = Vec<String>;

/// Imports that import each other end here; real chains are far shorter.
const MAX_IMPORTS: usize = 16;

/// The modules of one crate; the first is its root.
pub(crate) struct Modules(Vec<Module>);

struct Module {
    file: PathBuf,
    /// The folder of its children's files.
    folder: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// The path behind each name that a `use` brings into scope.
    imports: BTreeMap<String, Segments>,
    /// Every path of more than one segment, and every path of a `use`.
    paths: Vec<Segments>,
}

impl Modules {
    /// Reads the crate with this root file, module by module.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = Self(Vec::new());
        let folder = root.parent().unwrap().to_owned();
        modules.load(root.to_owned(), folder, None);
        modules
    }

    /// Returns every file with the files that it names.
    pub(crate) fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (index, module) in self.0.iter().enumerate() {
            let mut named = BTreeSet::new();
            for path in &module.paths {
                self.follow(index, path, MAX_IMPORTS, &mut named);
            }
            let named = named.into_iter().map(|at| self.0[at].file.clone());
            let others = named.filter(|file| *file != module.file);
            edges.entry(module.file.clone()).or_default().extend(others);
        }
        edges
    }

    /// Returns every path with its file, its first name replaced by what a `use` says of it.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&Path, Vec<String>)> {
        self.0.iter().flat_map(|module| {
            module.paths.iter().map(|path| {
                let import = path.first().and_then(|name| module.imports.get(name));
                let full = match import.filter(|import| *import != path) {
                    Some(import) => import.iter().chain(&path[1..]).cloned().collect(),
                    None => path.clone(),
                };
                (module.file.as_path(), full)
            })
        })
    }

    /// Adds the modules that a path names: the one that holds the item, and those that hand it on by
    /// an import, save for the crate's root, whose re-exports are the crate's own list of contents.
    /// Returns the module if the path names one.
    fn follow(
        &self,
        from: usize,
        path: &[String],
        imports_left: usize,
        named: &mut BTreeSet<usize>,
    ) -> Option<usize> {
        let mut at = from;
        let mut rest = path;
        let mut absolute = false;
        while let Some((first, tail)) = rest.split_first() {
            at = match first.as_str() {
                "crate" => 0,
                "self" => at,
                "super" => self.0[at].parent.unwrap_or(at),
                _ => break,
            };
            rest = tail;
            absolute = true;
        }
        while let Some((name, tail)) = rest.split_first() {
            let module = &self.0[at];
            if let Some(child) = module.children.get(name) {
                at = *child;
            } else if let Some(import) = module.imports.get(name).filter(|_| imports_left > 0) {
                if at != 0 {
                    named.insert(at);
                }
                at = self.follow(at, import, imports_left - 1, named)?;
            } else {
                // A relative path to what is not here leads to another crate.
                if absolute || at != from {
                    named.insert(at);
                }
                return None;
            }
            rest = tail;
        }
        named.insert(at);
        Some(at)
    }

    fn load(&mut self, file: PathBuf, folder: PathBuf, parent: Option<usize>) -> usize {
        let shown = file.display().to_string();
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let index = self.add(file, folder, parent);
        self.scan(index, tokens);
        index
    }

    fn add(&mut self, file: PathBuf, folder: PathBuf, parent: Option<usize>) -> usize {
        self.0.push(Module {
            file,
            folder,
            parent,
            children: BTreeMap::new(),
            imports: BTreeMap::new(),
            paths: Vec::new(),
        });
        self.0.len() - 1
    }

    /// Reads the tokens of a module, and those of any group inside it.
    fn scan(&mut self, module: usize, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at += self.scan_one(module, &tokens[at..]);
        }
    }

    /// Reads what the tokens begin with; returns how many tokens that were.
    fn scan_one(&mut self, module: usize, tokens: &[TokenTree]) -> usize {
        match tokens {
            [hash, TokenTree::Group(attribute), item @ ..]
                if is_punct(hash, '#') && is_for_tests(attribute) =>
            {
                2 + item_length(item)
            }
            [word, TokenTree::Ident(name), end, ..] if is_word(word, "mod") => {
                let name = name.to_string();
                if is_punct(end, ';') {
                    self.load_child(module, name);
                } else if let TokenTree::Group(body) = end {
                    let folder = self.0[module].folder.join(&name);
                    let child = self.add(self.0[module].file.clone(), folder, Some(module));
                    self.0[module].children.insert(name, child);
                    self.scan(child, body.stream());
                }
                3
            }
            [word, next, ..] if is_word(word, "use") && !is_punct(next, '<') => {
                let end = tokens.iter().position(|token| is_punct(token, ';'));
                let end = end.unwrap_or(tokens.len());
                self.import(module, &tokens[1..end], &[]);
                end
            }
            // The end of a path whose beginning is no path: `<T as Trait>::Item::new`.
            [one, two, TokenTree::Ident(name), ..]
                if is_punct(one, ':') && is_punct(two, ':') && name != "std" =>
            {
                3
            }
            [TokenTree::Ident(_), ..] => {
                let path = path_at(tokens);
                let length = 3 * path.len() - 2;
                if path.len() > 1 {
                    self.0[module].paths.push(path);
                }
                length
            }
            [TokenTree::Group(group), ..] => {
                self.scan(module, group.stream());
                1
            }
            _ => 1,
        }
    }

    fn load_child(&mut self, module: usize, name: String) {
        let folder = self.0[module].folder.clone();
        let flat = folder.join(format!("{name}.rs"));
        let nested = folder.join(&name).join("mod.rs");
        let file = if flat.exists() { flat } else { nested };
        let child = self.load(file, folder.join(&name), Some(module));
        self.0[module].children.insert(name, child);
    }

    /// Reads a list of `use` trees below a prefix.
    fn import(&mut self, module: usize, tokens: &[TokenTree], prefix: &[String]) {
        for tree in tokens.split(|token| is_punct(token, ',')) {
            let mut path = prefix.to_vec();
            let mut name = None;
            let mut words = tree.iter();
            while let Some(token) = words.next() {
                match token {
                    TokenTree::Group(group) => {
                        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.import(module, &inner, &path);
                        path.clear();
                    }
                    token if is_word(token, "as") => name = words.next().map(ToString::to_string),
                    TokenTree::Ident(segment) => path.push(segment.to_string()),
                    _ => {}
                }
            }
            if path.len() > 1 && path.ends_with(&["self".to_owned()]) {
                path.pop();
            }
            let glob = tree.last().is_some_and(|token| is_punct(token, '*'));
            if let Some(last) = path.last().filter(|_| !glob) {
                let name = name.unwrap_or_else(|| last.clone());
                self.0[module].imports.insert(name, path.clone());
            }
            if !path.is_empty() {
                self.0[module].paths.push(path);
            }
        }
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_word(token: &TokenTree, wanted: &str) -> bool {
    matches!(token, TokenTree::Ident(word) if word == wanted)
}

/// Returns true for `[cfg(test)]` and `[cfg(all(test, ...))]`.
fn is_for_tests(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    attribute.delimiter() == Delimiter::Bracket
        && (text.starts_with("cfg(test)") || text.starts_with("cfg(all(test,"))
}

/// Returns the number of tokens up to the `;` or the block that ends an item.
fn item_length(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| {
        is_punct(token, ';')
            || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    let end = tokens.iter().position(ends);
    end.map_or(tokens.len(), |end| end + 1)
}

/// Returns the path that the tokens begin with, or a single identifier.
fn path_at(tokens: &[TokenTree]) -> Segments {
    let mut path = vec![tokens[0].to_string()];
    let mut rest = &tokens[1..];
    while let [one, two, TokenTree::Ident(segment), tail @ ..] = rest
        && is_punct(one, ':')
        && is_punct(two, ':')
    {
        path.push(segment.to_string());
        rest = tail;
    }
    path
}
