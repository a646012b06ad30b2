//! A few nodes and one thing that happens to them.

use gossip::State;
use sim::world::{Disk, Settings, World};
use std::sync::Arc;

fn cluster(nodes: usize) -> World {
    let mut world = World::new(1, Settings::lan(nodes));
    world.start_all();
    assert!(world.run_until(10_000, 50, World::is_whole).is_some(), "nobody finds each other");
    world
}

fn object(name: &str) -> Arc<str> {
    format!("configmaps/default/{name}").into()
}

#[test]
fn nodes_join_and_a_write_is_everywhere_in_milliseconds() {
    let mut world = cluster(5);
    world.put(2, &object("kubia"), "{}");
    let took_ms = world.run_until(1_000, 1, World::is_equal).expect("it is equal in time");
    assert!(took_ms <= 10, "{took_ms} ms");
    assert!(world.nodes.iter().all(|node| node.replica.entry("configmaps/default/kubia").is_some()));
}

#[test]
fn a_killed_node_is_known_dead_within_six_seconds_and_found_again() {
    let mut world = cluster(3);
    world.crash(2, Disk::Kept);
    let is_dead = |world: &World| (0..2).all(|node| world.state_of(node, 2) == Some(State::Down));
    let took_ms = world.run_until(6_000, 50, is_dead).expect("it is known dead in time");
    assert!(took_ms > 1_000, "{took_ms} ms: it was not given the time to answer");
    world.start(2);
    assert!(world.run_until(3_000, 50, World::is_whole).is_some(), "it is not found again");
}

#[test]
fn who_leaves_is_not_called_dead() {
    let mut world = cluster(3);
    world.leave(1);
    world.run_ms(200);
    assert_eq!(world.state_of(0, 1), Some(State::Left));
    assert_eq!(world.state_of(2, 1), Some(State::Left));
    world.run_ms(10_000);
    assert_eq!(world.state_of(0, 1), Some(State::Left));
}

#[test]
fn sides_that_meet_are_one_and_equal_within_a_second() {
    let mut world = cluster(3);
    world.network.put(2, 1);
    world.run_ms(10_000);
    assert_eq!(world.state_of(0, 2), Some(State::Down));
    assert_eq!(world.state_of(2, 0), Some(State::Down));
    for index in 0..500 {
        world.put(0, &object(&format!("left{index}")), "{}");
        world.put(2, &object(&format!("right{index}")), "{}");
        world.run_ms(100);
    }
    world.network.heal();
    let took_ms = world.run_until(5_000, 10, World::is_equal).expect("it is equal in time");
    assert_eq!(world.nodes[1].engine.as_ref().map(gossip::Engine::held), Some(1_000));
    assert!(took_ms <= 1_000, "{took_ms} ms");
    assert!(world.run_until(3_000, 50, World::is_whole).is_some());
}

#[test]
fn who_saw_each_other_all_along_is_not_lost_when_sides_meet() {
    for seed in 0..20 {
        for apart_ms in [3_000, 6_000, 20_000] {
            let mut world = World::new(seed, Settings::lan(3));
            world.start_all();
            assert!(world.run_until(10_000, 50, World::is_whole).is_some(), "nobody finds each other");
            world.network.put(2, 1);
            world.run_ms(apart_ms);
            world.network.heal();
            let is_lost = |world: &World| world.state_of(0, 1) == Some(State::Down) || world.state_of(1, 0) == Some(State::Down);
            let lost_ms = world.run_until(20_000, 1, is_lost);
            assert_eq!(lost_ms, None, "seed {seed}, {apart_ms} ms apart: who is not cut off is taken for dead");
            assert!(world.is_whole(), "seed {seed}, {apart_ms} ms apart");
        }
    }
}

#[test]
fn a_cluster_at_rest_says_little_and_wakes_seldom() {
    let numbers = sim::numbers::measure(1, 3, sim::network::Link::LAN);
    assert!(numbers.idle_bytes <= 480, "{numbers:?}");
    assert!(numbers.idle_wakes <= 4.0, "{numbers:?}");
}

#[test]
fn a_record_costs_little_more_than_its_bytes_on_the_wire() {
    for nodes in [2, 3, 5, 20] {
        let numbers = sim::numbers::measure(1, nodes, sim::network::Link::LAN);
        assert!(numbers.wire_ratio <= 1.25 && numbers.copies <= 1.01 && numbers.late == 0, "{numbers:?}");
    }
}

#[test]
fn what_is_known_of_members_already_is_not_looked_for_again() {
    let mut world = cluster(50);
    world.run_ms(60_000);
    let looks = |world: &World| {
        world.nodes.iter().filter_map(|node| node.engine.as_ref()).map(|engine| engine.counters().membership_looks).sum::<u64>()
    };
    let before = looks(&world);
    world.crash(7, Disk::Kept);
    world.run_ms(20_000);
    let each = (looks(&world) - before) / 49;
    assert!((1..=8).contains(&each), "each node looked through all members {each} times for one that died");
}

#[test]
fn many_that_start_together_see_each_other_within_seconds() {
    let mut world = World::new(1, Settings::lan(100));
    for node in 0..100 {
        world.start(node);
        world.run_ms(10);
    }
    let took_ms = world.run_until(30_000, 100, World::is_whole).expect("they find each other");
    assert!(took_ms <= 5_000, "{took_ms} ms");
}

#[test]
fn whoever_joins_many_sees_all_of_them_within_a_second() {
    let mut world = World::new(1, Settings::lan(100));
    for node in 0..99 {
        world.start(node);
    }
    world.run_ms(60_000);
    world.start(99);
    let sees_all = |world: &World| {
        let members = world.nodes[99].engine.as_ref().into_iter().flat_map(gossip::Engine::members);
        members.filter(|member| member.state == State::Alive).count() == 99
    };
    let took_ms = world.run_until(10_000, 50, sees_all).expect("it sees all");
    assert!(took_ms <= 1_000, "{took_ms} ms");
    assert!(world.run_until(10_000, 50, World::is_whole).is_some(), "all see it");
}
