//! Categories as rows and as a tree.

use std::collections::HashMap;

use events::CategoryId;
use serde::Serialize;
use utoipa::ToSchema;

/// A category as it is stored.
#[derive(Debug, Clone)]
pub struct CategoryRow {
    /// The category.
    pub id: CategoryId,
    /// The one it belongs to.
    pub parent_id: Option<CategoryId>,
    /// Its name.
    pub name: String,
    /// Its place in addresses.
    pub slug: String,
}

/// A category with those that belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// The category.
    #[serde(rename = "_id")]
    pub id: CategoryId,
    /// Its name.
    #[schema(example = "Phones")]
    pub name: String,
    /// Its place in addresses.
    #[schema(example = "electronics/phones")]
    pub slug: String,
    /// Those that belong to it, in order.
    #[schema(no_recursion)]
    pub children: Vec<Category>,
}

/// Puts rows together to a tree; siblings keep the order of the rows.
pub fn tree(rows: Vec<CategoryRow>) -> Vec<Category> {
    let mut by_parent: HashMap<Option<CategoryId>, Vec<CategoryRow>> = HashMap::new();
    for row in rows {
        by_parent.entry(row.parent_id.clone()).or_default().push(row);
    }
    children(None, &mut by_parent)
}

/// Takes what it uses out of the map, so that even a cycle would come to an end.
fn children(
    parent: Option<&CategoryId>,
    by_parent: &mut HashMap<Option<CategoryId>, Vec<CategoryRow>>,
) -> Vec<Category> {
    let rows = by_parent.remove(&parent.cloned()).unwrap_or_default();
    rows.into_iter()
        .map(|row| Category {
            children: children(Some(&row.id), by_parent),
            id: row.id,
            name: row.name,
            slug: row.slug,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, parent: Option<&str>) -> CategoryRow {
        CategoryRow {
            id: id.parse().unwrap(),
            parent_id: parent.map(|id| id.parse().unwrap()),
            name: id.to_owned(),
            slug: id.to_owned(),
        }
    }

    #[test]
    fn rows_become_a_tree() {
        let rows = vec![row("b", None), row("b2", Some("b")), row("a", None), row("b1", Some("b"))];
        let tree = tree(rows);
        let names = |categories: &[Category]| -> Vec<String> {
            categories.iter().map(|category| category.name.clone()).collect()
        };
        assert_eq!(names(&tree), ["b", "a"]);
        assert_eq!(names(&tree[0].children), ["b2", "b1"]);
        assert!(tree[1].children.is_empty());
    }

    #[test]
    fn a_cycle_comes_to_an_end() {
        assert!(tree(vec![row("a", Some("b")), row("b", Some("a"))]).is_empty());
    }
}
