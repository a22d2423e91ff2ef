<?php
// Answers every path of PHP's own server.
//
// /orders  JSON
// /totals  fails in a query of SQLite
//
// and fails at any other, for which it has no function.

function totals(PDO $db): array
{
    return $db->query('SELECT sum(total) FROM orders WHERE customer = 7')->fetchAll();
}

function dispatch(array $routes, string $path): array
{
    return $routes[$path]();
}

function serve(array $routes): void
{
    $answer = dispatch($routes, explode('?', $_SERVER['REQUEST_URI'])[0]);
    header('Content-Type: application/json');
    echo json_encode($answer);
}

serve([
    '/orders' => fn () => ['orders' => [['id' => 1, 'total' => 250], ['id' => 2, 'total' => 99]]],
    '/totals' => fn () => totals(new PDO('sqlite::memory:')),
]);
