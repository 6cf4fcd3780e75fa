from sandbox.demo.supervisor import main

if __name__ == "__main__":
    main()
